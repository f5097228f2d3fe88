import { createHash, type Hash } from 'node:crypto'
import { execa } from 'execa'
import { extract, type Header } from 'tar-stream'
import { writeTar, type TarWriter } from './write-tar.ts'

/** Directories of old that are links into /usr, as on an installed Debian; packages still name them. */
const merged = ['bin', 'sbin', 'lib', 'lib64']

export interface DebianLayer {
  /** Package files, in the order in which they are unpacked. */
  readonly packages: readonly string[]
  /** Links and files of its own, before the packages. */
  readonly own?: readonly OwnEntry[]
}

export interface OwnEntry {
  readonly path: string
  readonly from: { readonly content: string } | { readonly linkTo: string }
}

/** What an installed Debian has at its root besides the files of packages. */
export const debianRoot: readonly OwnEntry[] = [
  ...merged.map((name) => ({ path: name, from: { linkTo: `usr/${name}` } })),
  {
    path: 'etc/passwd',
    from: { content: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n' },
  },
  { path: 'etc/group', from: { content: 'root:x:0:\nnogroup:x:65534:\n' } },
]

/**
 * The tar of a layer with the files of packages as they are in them: owners, modes, times. Nothing is configured.
 * @param onDigest told the SHA-256 of each file, by its path in the image
 */
export function debianLayerTar(
  { packages, own = [] }: DebianLayer,
  onDigest: (path: string, hex: string) => void,
): AsyncGenerator<Uint8Array> {
  return writeTar(async (tar) => {
    for (const { path, from } of own) {
      const header = { name: path, mtime: new Date(0) }
      if ('content' in from) await tar.add({ ...header, mode: 0o644 }, Buffer.from(from.content))
      else await tar.add({ ...header, mode: 0o777, type: 'symlink', linkname: from.linkTo })
    }
    const known = new Set(['', ...own.map(({ path }) => path)])
    for (const file of packages) await addPackage(tar, file, { known, onDigest })
  })
}

interface Unpacking {
  /** Paths that the layer has. */
  readonly known: Set<string>
  readonly onDigest: (path: string, hex: string) => void
}

async function addPackage(tar: TarWriter, file: string, { known, onDigest }: Unpacking): Promise<void> {
  const unpacking = execa('nice', ['dpkg-deb', '--fsys-tarfile', file], { buffer: false })
  unpacking.catch(() => undefined) // Awaited below, when all that it said is read.
  const entries = extract()
  unpacking.stdout.on('error', (error) => entries.destroy(error)).pipe(entries)
  for await (const entry of entries) {
    const path = pathInImage(entry.header.name)
    if (known.has(path)) entry.resume()
    else await addEntry(tar, path, { header: entry.header, bytes: entry as AsyncIterable<Uint8Array>, onDigest })
    known.add(path)
  }
  await unpacking
}

interface Entry {
  readonly header: Header
  readonly bytes: AsyncIterable<Uint8Array>
  readonly onDigest: Unpacking['onDigest']
}

async function addEntry(tar: TarWriter, path: string, { header, bytes, onDigest }: Entry): Promise<void> {
  const { mode, uid, gid, mtime, type, size } = header
  const owned = { mode, uid, gid, mtime, type }
  if (type === 'directory') await tar.add({ ...owned, name: `${path}/` })
  else if (type === 'symlink') await tar.add({ ...owned, name: path, linkname: header.linkname })
  else if (type === 'link') await tar.add({ ...owned, name: path, linkname: pathInImage(header.linkname) })
  else {
    const hash = createHash('sha256')
    await tar.add({ ...owned, name: path, size }, hashed(bytes, hash))
    return onDigest(path, hash.digest('hex'))
  }
  for await (const _ of bytes) throw new Error(`${path} is a ${type} with content`)
}

async function* hashed(bytes: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    hash.update(piece)
    yield piece
  }
}

function pathInImage(name: string): string {
  const path = name.replace(/^\.?\//, '').replace(/\/$/, '')
  return merged.includes(path.split('/')[0]!) ? `usr/${path}` : path
}
