import { createHash } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { pack, type Header } from 'tar-stream'
import { expect, it } from 'vitest'
import { differencesOf, readLayer, stackLayers, type UnpackedFiles } from './unpacked-files.ts'

type TarEntry = Partial<Header> & Pick<Header, 'name'>

const gzip = 'application/vnd.oci.image.layer.v1.tar+gzip'

async function tarOf(entries: readonly (TarEntry | [name: string, content: string])[]): Promise<Buffer> {
  const tar = pack()
  for (const entry of entries) {
    if ('name' in entry) tar.entry({ mode: 0o755, ...entry })
    else tar.entry({ name: entry[0], mode: 0o644 }, entry[1])
  }
  tar.finalize()
  return Buffer.concat((await Array.fromAsync(tar)) as Uint8Array[])
}

async function unpacked(...layers: Parameters<typeof tarOf>[0][]): Promise<Record<string, string>> {
  const read = layers.map(async (entries) => readLayer(chunksOf(gzipSync(await tarOf(entries))), gzip))
  return Object.fromEntries(stackLayers(await Promise.all(read)))
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000)
}

function file(content: string): string {
  return `file 644 0:0 ${content.length} ${createHash('sha256').update(content).digest('hex')}`
}

it('knows contents, owners, modes and links', async () => {
  const owned: TarEntry = { name: 'srv/', type: 'directory', mode: 0o1770, uid: 7, gid: 8 }
  const symlink: TarEntry = { name: 'srv/to', type: 'symlink', linkname: '../etc' }
  const hardLink: TarEntry = { name: 'srv/twin', type: 'link', linkname: './etc/a' }
  expect(await unpacked([['./etc/a', 'aaa'], owned, symlink, hardLink])).toEqual({
    etc: 'directory',
    'etc/a': file('aaa'),
    srv: 'directory 1770 7:8',
    'srv/to': 'symlink ../etc',
    'srv/twin': file('aaa'),
  })
})

it.each([
  ['gzip', gzip, gzipSync],
  ['zstd', 'application/vnd.oci.image.layer.v1.tar+zstd', zstdCompressSync],
  ["Docker's gzip", 'application/vnd.docker.image.rootfs.diff.tar.gzip', gzipSync],
  ['no compression', 'application/vnd.oci.image.layer.v1.tar', (tar: Buffer) => tar],
])('reads layers with %s', async (_, mediaType, compress) => {
  const { files } = await readLayer(chunksOf(compress(await tarOf([['a', 'aaa']]))), mediaType)
  expect([...files]).toEqual([['a', file('aaa')]])
})

it('takes the upper of two layers', async () => {
  const files = await unpacked([['a', 'lower'], ['b', 'lower']], [['b', 'upper']]) // prettier-ignore
  expect(files).toEqual({ a: file('lower'), b: file('upper') })
})

it('takes away what a layer takes away', async () => {
  const files = await unpacked([['etc/a', '1'], ['etc/b', '2'], ['opt/c/d', '3']], [['etc/.wh.a', ''], ['.wh.opt', '']]) // prettier-ignore
  expect(files).toEqual({ etc: 'directory', 'etc/b': file('2') })
})

it('shows nothing of what is below a directory that begins anew', async () => {
  const files = await unpacked([['etc/a', '1'], ['etc/b/c', '2']], [['etc/.wh..wh..opq', ''], ['etc/new', '3']]) // prettier-ignore
  expect(files).toEqual({ etc: 'directory', 'etc/new': file('3') })
})

it('shows nothing of a directory that a file takes the place of', async () => {
  const files = await unpacked([['app/a', '1']], [['app', '2']])
  expect(files).toEqual({ app: file('2') })
})

it('says what differs', async () => {
  const of = (files: Record<string, string>): UnpackedFiles => new Map(Object.entries(files))
  const expected = of({ etc: 'directory', 'etc/a': 'file A', 'etc/b': 'file B' })
  expect(differencesOf(of({ etc: 'directory 755 0:0', 'etc/a': 'file A', 'etc/b': 'file B' }), expected)).toEqual([])
  expect(differencesOf(of({ etc: 'directory 755 0:0', 'etc/a': 'file X', 'etc/c': 'file C' }), expected)).toEqual([
    'etc/a is file X, but should be file A',
    'etc/b is not there, but should be file B',
    'etc/c (file C) is in no layer',
  ])
})

it('does not take half a layer for one', async () => {
  const half = gzipSync(await tarOf([['a', 'a'.repeat(100_000)]])).subarray(0, 100)
  await expect(readLayer(chunksOf(half), gzip)).rejects.toThrow('unexpected end of file')
})
