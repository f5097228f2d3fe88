import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream/promises'
import { PassThrough, type Duplex } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { extract, type Header } from 'tar-stream'

/**
 * What a container of an image sees: for each path what is there, in words that can be compared. Contents count by SHA-256;
 * owners and modes count, times and extended attributes do not.
 */
export type UnpackedFiles = ReadonlyMap<string, string>

/** What one layer does to the files below it. */
export interface LayerFiles {
  readonly files: UnpackedFiles
  /** Taken away, with all that is in them. */
  readonly removed: readonly string[]
  /** Directories of which nothing that is below shows. */
  readonly emptied: readonly string[]
}

/** A directory that no layer says anything of: it is there because something is in it. */
const someDirectory = 'directory'
const hardLink = 'hard link to '
const whiteout = '.wh.'
const opaque = '.wh..wh..opq'

/** One path, said alike of a tar and of a disk. */
export function describeFile(kind: string, { mode, uid, gid }: Owned, content = ''): string {
  return `${kind} ${(mode & 0o7777).toString(8)} ${uid}:${gid} ${content}`.trimEnd()
}

type Owned = Pick<Header, 'mode' | 'uid' | 'gid'>

/** Reads the tar of a layer, compressed as its media type says (image-spec, layer.md). */
export async function readLayer(bytes: AsyncIterable<Uint8Array>, mediaType: string): Promise<LayerFiles> {
  const files = new Map<string, string>()
  const [removed, emptied]: [string[], string[]] = [[], []]
  const [decompressor, tar] = [decompressorOf(mediaType), extract()]
  const reading = pipeline(bytes, decompressor)
  reading.catch(() => undefined) // Awaited below; whoever reads the tar hears of it sooner.
  decompressor.on('error', (error) => tar.destroy(error)).pipe(tar)
  for await (const entry of tar) {
    const path = normalise(entry.header.name)
    const at = path.lastIndexOf('/') + 1
    const [folder, name] = [path.slice(0, at), path.slice(at)]
    if (name === opaque) emptied.push(normalise(folder))
    else if (name.startsWith(whiteout)) removed.push(folder + name.slice(whiteout.length))
    else if (path !== '') files.set(path, await describeEntry(entry.header, entry as AsyncIterable<Uint8Array>))
    entry.resume()
  }
  await reading
  return { files, removed, emptied }
}

/** What is to be seen of layers one above the other, the lowest first. */
export function stackLayers(layers: readonly LayerFiles[]): UnpackedFiles {
  let below = new Map<string, string>()
  for (const { files, removed, emptied } of layers) {
    const replaced = [...files].flatMap(([path, what]) => (what.startsWith(someDirectory) ? [] : [path]))
    const [gone, hiding] = [new Set(removed), new Set([...removed, ...replaced, ...emptied])]
    const shows = (path: string): boolean => !gone.has(path) && !foldersOf(path).some((folder) => hiding.has(folder))
    below = new Map([...below].filter(([path]) => shows(path)))
    for (const [path, what] of files) {
      for (const folder of foldersOf(path)) if (!below.has(folder)) below.set(folder, someDirectory)
      const linked = what.startsWith(hardLink) ? below.get(what.slice(hardLink.length)) : undefined
      below.set(path, linked ?? what)
    }
  }
  return below
}

/** The first few differences, in words; none if all is as it must be. */
export function differencesOf(found: UnpackedFiles, expected: UnpackedFiles): string[] {
  const missing = [...expected].flatMap(([path, what]) => {
    const there = found.get(path)
    if (there === what || (what === someDirectory && there?.startsWith(`${someDirectory} `))) return []
    return [`${path} is ${there ?? 'not there'}, but should be ${what}`]
  })
  const strays = [...found].flatMap(([path, what]) => (expected.has(path) ? [] : [`${path} (${what}) is in no layer`]))
  return [...missing, ...strays].slice(0, 5)
}

function decompressorOf(mediaType: string): Duplex {
  if (/[.+]gzip$/.test(mediaType)) return createGunzip()
  return mediaType.endsWith('+zstd') ? createZstdDecompress() : new PassThrough()
}

async function describeEntry(header: Header, bytes: AsyncIterable<Uint8Array>): Promise<string> {
  switch (header.type) {
    case 'symlink':
      return `symlink ${header.linkname}`
    case 'link':
      return hardLink + normalise(header.linkname)
    case 'file':
    case 'contiguous-file':
      return describeFile('file', header, `${header.size} ${await sha256Of(bytes)}`)
    default:
      return describeFile(header.type, header)
  }
}

async function sha256Of(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of bytes) hash.update(chunk)
  return hash.digest('hex')
}

/** Without what leads to the root, and without an end that says "directory". */
function normalise(name: string): string {
  return name
    .replace(/^(\.?\/)+/, '')
    .replace(/\/+$/, '')
    .replace(/^\.$/, '')
}

/** The directories that a path is in, the highest first. */
function foldersOf(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(1).map((_, at) => parts.slice(0, at + 1).join('/'))
}
