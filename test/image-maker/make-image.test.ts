import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtempDisposable, readFile, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Readable } from 'node:stream'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { execa } from 'execa'
import { extract } from 'tar-stream'
import { describe, expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import type { Compression, LayerEntry } from './layer-spec.ts'
import { makeImage, makeIndex } from './make-image.ts'
import { makeLayer } from './make-layer.ts'
import { createOciLayout, type OciLayout } from './oci-layout.ts'
import { randomLayer, smallImage } from './small-image.ts'

const amd64 = { os: 'linux', architecture: 'amd64' }
const arm64 = { os: 'linux', architecture: 'arm64' }
const temporary = () => mkdtempDisposable(path.join(tmpdir(), 'stowage-images-'))
const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

async function treeAt(directory: string, mtime: Date): Promise<LayerEntry> {
  await mkdir(path.join(directory, 'tool/bin'), { recursive: true })
  await mkdir(path.join(directory, 'tool/left-out'))
  await writeFile(path.join(directory, 'tool/bin/run'), '#!/bin/sh\n')
  await chmod(path.join(directory, 'tool/bin/run'), 0o700)
  await writeFile(path.join(directory, 'tool/left-out/x'), 'x')
  await writeFile(path.join(directory, 'tool/large'), Buffer.alloc(3_000_001, 'large'))
  await symlink('bin/run', path.join(directory, 'tool/start'))
  await utimes(path.join(directory, 'tool/large'), mtime, mtime)
  const include = (relativePath: string): boolean => relativePath !== 'left-out'
  return { path: 'opt/tool', from: { tree: path.join(directory, 'tool'), include } }
}

async function entriesOf(tar: Uint8Array): Promise<Record<string, string>> {
  const entries: Record<string, string> = {}
  const reader = Readable.from([tar]).pipe(extract() as unknown as NodeJS.ReadWriteStream)
  for await (const entry of reader as unknown as ReturnType<typeof extract>) {
    const { name, mode, type, mtime, uid, gid, size, linkname } = entry.header
    expect([mtime?.getTime(), uid, gid]).toEqual([0, 0, 0])
    entries[name] = `${type} ${mode?.toString(8)} ${linkname ?? size}`
    entry.resume()
  }
  return entries
}

describe('the image maker', () => {
  it('gives the same files the same digests wherever and whenever they were written', async () => {
    await using directory = await temporary()
    const digests: string[][] = []
    for (const [name, mtime] of [['a', new Date(1e12)] as const, ['b', new Date(2e12)] as const]) {
      const tree = await treeAt(path.join(directory.path, name), mtime)
      const layout = await createOciLayout(path.join(directory.path, `${name}.layout`))
      const { manifest, layers } = await makeImage({ layout, platform: amd64, layers: [{ entries: [tree] }] })
      digests.push([manifest.digest, ...layers.map((layer) => layer.diffId)])
    }
    expect(digests[0]).toEqual(digests[1])
  })

  it('packs trees, parents and links sorted, with modes that a umask does not change', async () => {
    await using directory = await temporary()
    const tree = await treeAt(directory.path, new Date())
    const layout = await createOciLayout(path.join(directory.path, 'layout'))
    const layer = await makeLayer(layout, {
      entries: [tree, { path: '/etc/motd', from: { content: 'hello' }, mode: 0o600 }],
      compression: 'none',
    })
    expect(Object.entries(await entriesOf(await layout.read(layer.digest)))).toEqual([
      ['etc/', 'directory 755 0'],
      ['etc/motd', 'file 600 5'],
      ['opt/', 'directory 755 0'],
      ['opt/tool/', 'directory 755 0'],
      ['opt/tool/bin/', 'directory 755 0'],
      ['opt/tool/bin/run', 'file 755 10'],
      ['opt/tool/large', 'file 644 3000001'],
      ['opt/tool/start', 'symlink 777 bin/run'],
    ])
  })

  it('lets a later entry replace one of a tree', async () => {
    await using directory = await temporary()
    const tree = await treeAt(directory.path, new Date())
    const layout = await createOciLayout(path.join(directory.path, 'layout'))
    const entries = [tree, { path: 'opt/tool/bin/run', from: { content: 'other' } }]
    const layer = await makeLayer(layout, { entries, compression: 'none' })
    expect((await entriesOf(await layout.read(layer.digest)))['opt/tool/bin/run']).toBe('file 644 5')
  })

  it('refuses a path that leads out of the image', async () => {
    await using directory = await temporary()
    const layout = await createOciLayout(directory.path)
    const entries = [{ path: '../etc/passwd', from: { content: '' } }]
    await expect(makeLayer(layout, { entries })).rejects.toThrow('leads out of the image')
  })

  it('leaves nothing behind when a file cannot be read', async () => {
    await using directory = await temporary()
    const layout = await createOciLayout(directory.path)
    const entries = [{ path: 'x', from: { file: path.join(directory.path, 'blobs') } }]
    await expect(makeLayer(layout, { entries })).rejects.toThrow('is not a regular file')
  })

  const decoders: [Compression, (bytes: Uint8Array) => Uint8Array][] = [
    ['none', (bytes) => bytes],
    ['zstd', zstdDecompressSync],
    [{ gzip: 0 }, gunzipSync],
    [{ gzip: 1 }, gunzipSync],
    [{ gzip: 6 }, gunzipSync],
  ]
  it.each(decoders)('names with diffId what %j unpacks to', async (compression, decode) => {
    await using directory = await temporary()
    const layout = await createOciLayout(directory.path)
    const entries = [{ path: 'data', from: { random: { size: 700_000, seed: 'decoded' } } }]
    const layer = await makeLayer(layout, { entries, compression })
    const stored = await layout.read(layer.digest)
    const tar = decode(stored)
    expect([sha256(stored), stored.length]).toEqual([layer.digest, layer.size])
    expect([sha256(tar), tar.length]).toEqual([layer.diffId, layer.tarSize])
  })

  it('makes random layers about as large as asked, each seed its own', async () => {
    await using directory = await temporary()
    const layout = await createOciLayout(directory.path)
    const one = await makeLayer(layout, randomLayer(5_000_000, 'one'))
    const two = await makeLayer(layout, randomLayer(5_000_000, 'two'))
    expect(one.digest).not.toBe(two.digest)
    expect(one.size).toBeGreaterThan(5_000_000)
    expect(one.size).toBeLessThan(5_010_000)
  })

  it('counts a layer that two places of an image share once', async () => {
    await using directory = await temporary()
    const layout = await createOciLayout(directory.path)
    const layer = await makeLayer(layout, randomLayer(10_000, 'shared'))
    const image = await makeImage({ layout, platform: amd64, layers: [layer, layer] })
    expect(image.size).toBe(image.manifest.size + image.config.size + layer.size)
  })

  it('moves a name to its new target and keeps the other names', async () => {
    await using directory = await temporary()
    const layout = await createOciLayout(directory.path)
    const [first, , third] = await Promise.all([
      smallImage(layout, { name: 'a', seed: '1' }),
      smallImage(layout, { name: 'b', seed: '2' }),
      smallImage(layout, { name: 'c', seed: '3' }),
    ])
    const again = await createOciLayout(directory.path)
    await again.name(first.manifest, 'b')
    expect(await namesIn(again)).toEqual({
      a: first.manifest.digest,
      b: first.manifest.digest,
      c: third.manifest.digest,
    })
  })
})

requirePart('skopeo')('skopeo', () => {
  it('reads what the image maker made', async () => {
    await using directory = await temporary()
    const layout = await createOciLayout(directory.path)
    const images = [
      await smallImage(layout, { platform: amd64, config: { Labels: { answer: '42' } } }),
      await smallImage(layout, { platform: arm64, seed: 'arm' }),
    ]
    await makeIndex(layout, images, { name: 'two:platforms' })
    const target = `oci:${directory.path}:two:platforms`
    const { stdout } = await execa('skopeo', ['--override-arch', 'amd64', 'inspect', target])
    expect(JSON.parse(stdout)).toMatchObject({
      Architecture: 'amd64',
      Labels: { answer: '42' },
      Layers: images[0]!.layers.map((layer) => layer.digest),
    })
    await execa('skopeo', ['copy', '--all', target, `dir:${directory.path}/copied`])
  })
})

async function namesIn(layout: OciLayout): Promise<Record<string, string>> {
  const index = JSON.parse(await readFile(path.join(layout.directory, 'index.json'), 'utf8')) as {
    manifests: { digest: string; annotations: Record<string, string> }[]
  }
  return Object.fromEntries(
    index.manifests.map((found) => [found.annotations['org.opencontainers.image.ref.name'], found.digest] as const),
  ) as Record<string, string>
}
