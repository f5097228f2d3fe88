import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, open, rm, truncate, writeFile, mkdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pack } from 'tar-stream'
import { pipeline } from 'node:stream/promises'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import { descriptorOf, parseManifest, type Manifest } from '../oci/manifest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import type { BundleDocument } from './bundle-document.ts'
import { createBundleWriter, type BundleWriter } from './bundle-writer.ts'
import { openBundle } from './open-bundle.ts'
import { indexTar } from './tar-index.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stowage-bundle-'))
})
afterEach(() => rm(directory, { recursive: true }))

const encode = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json))
const layer = Buffer.alloc(300_000, 'layer')
const config = Buffer.from('{}')
const blob = (bytes: Buffer, mediaType: string): Descriptor => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.length,
})
const layerBlob = blob(layer, mediaTypes.layerGzip)
const manifest: Manifest = parseManifest(
  encode({
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: blob(config, mediaTypes.config),
    layers: [layerBlob],
  }),
)
const name = 'docker.io/library/app:v1'
const document: BundleDocument = { version: 1, entries: [], platforms: ['linux/amd64'] }
const images = [{ name, root: descriptorOf(manifest) }]

async function* slices(bytes: Buffer, size = 70_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function put(writer: BundleWriter, descriptor: Descriptor, bytes: Buffer): Promise<void> {
  const ingest = await writer.ingest(descriptor)
  await ingest?.write(slices(bytes.subarray(ingest.offset)))
  await ingest?.commit()
}

async function writeBundle(path: string): Promise<void> {
  const writer = await createBundleWriter({ out: createWriteStream(path), document, images })
  await put(writer, blob(config, mediaTypes.config), config)
  await put(writer, layerBlob, layer)
  await writer.putManifest(manifest)
  await writer.finish()
}

describe('a bundle', () => {
  it('comes back as it was written, whole or from an offset', async () => {
    const path = join(directory, 'b.tar')
    await writeBundle(path)
    await using bundle = await openBundle(path)
    expect(bundle.images).toMatchObject(images)
    expect(bundle.document).toEqual(document)
    expect((await bundle.manifest('any', name)).raw).toEqual(Buffer.from(manifest.raw))
    const bytes = await Array.fromAsync(await bundle.blob('any', layerBlob, { offset: 100 }))
    expect(Buffer.concat(bytes)).toEqual(layer.subarray(100))
  })

  it('carries files beside its images, which nobody takes for blobs', async () => {
    const path = join(directory, 'b.tar')
    const writer = await createBundleWriter({ out: createWriteStream(path), document, images: [] })
    await writer.putFile('stowage/deploy/words.yaml', layer.length, slices(layer))
    await writer.finish()
    await using bundle = await openBundle(path)
    expect(bundle.files).toMatchObject([{ name: 'stowage/deploy/words.yaml', size: layer.length }])
    expect(Buffer.concat(await Array.fromAsync(bundle.files[0]!.read()))).toEqual(layer)
  })

  it('has the same bytes each time', async () => {
    await writeBundle(join(directory, 'a.tar'))
    await writeBundle(join(directory, 'b.tar'))
    expect(await readFile(join(directory, 'a.tar'))).toEqual(await readFile(join(directory, 'b.tar')))
  })

  it('goes on with a blob that broke off', async () => {
    const path = join(directory, 'b.tar')
    const writer = await createBundleWriter({ out: createWriteStream(path), document, images })
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield layer.subarray(0, 1000)
      throw new Error('cut')
    }
    await expect((await writer.ingest(layerBlob))?.write(broken())).rejects.toThrow('cut')
    expect((await writer.ingest(layerBlob))?.offset).toBe(1000)
    await put(writer, layerBlob, layer)
    await writer.finish()
    await using bundle = await openBundle(path)
    expect(Buffer.concat(await Array.fromAsync(await bundle.blob('', layerBlob)))).toEqual(layer)
  })

  it('refuses bytes that are not the promised ones', async () => {
    const writer = await createBundleWriter({ out: createWriteStream(join(directory, 'b.tar')), document, images })
    await expect(put(writer, layerBlob, Buffer.alloc(layer.length))).rejects.toMatchObject({ code: 'corrupt' })
  })

  it('says that the disk is full, and does not hang', async () => {
    const full = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' })),
    })
    const writing = async (): Promise<void> => {
      const writer = await createBundleWriter({ out: full, document, images })
      await put(writer, layerBlob, layer)
      await writer.finish()
    }
    await expect(writing()).rejects.toMatchObject({ code: 'no-space' })
  })

  it('says that nobody reads it any more, also when that happens between two blobs', async () => {
    const pipe = new Writable({ write: (_chunk, _encoding, done) => done() })
    const writer = await createBundleWriter({ out: pipe, document, images })
    pipe.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    await expect(once(pipe, 'close')).rejects.toThrow('EPIPE')
    await expect(writer.putManifest(manifest)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(put(writer, layerBlob, layer)).rejects.toMatchObject({ code: 'unavailable' })
    await expect(writer.finish()).rejects.toMatchObject({ code: 'unavailable' })
  })

  it.each([0, 100, 600, 5000, 200_000])('says that it is cut off when it ends at byte %i', async (size) => {
    const path = join(directory, 'b.tar')
    await writeBundle(path)
    await truncate(path, size)
    await expect(openBundle(path)).rejects.toMatchObject({ code: 'corrupt', message: expect.stringContaining(path) })
  })

  it('is not a text file, another tar, or a file that is not there', async () => {
    const text = join(directory, 'text')
    await writeFile(text, 'x'.repeat(2000))
    await expect(openBundle(text)).rejects.toMatchObject({
      code: 'corrupt',
      message: expect.stringContaining('not a tar'),
    })
    const tar = join(directory, 'other.tar')
    const other = pack()
    other.entry({ name: 'a' }, 'b')
    other.finalize()
    await pipeline(other, createWriteStream(tar))
    await expect(openBundle(tar)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('index.json'),
    })
    await expect(openBundle(join(directory, 'none'))).rejects.toMatchObject({ code: 'not-found' })
  })
})

describe('indexTar', () => {
  it.each(['-1536', '-512', 'NaN', '1.5'])('refuses a file of %j bytes', async (size) => {
    const tar = join(directory, 'x.tar')
    const packed = pack()
    packed.entry({ name: 'a', pax: { size } }, 'content')
    packed.finalize()
    await pipeline(packed, createWriteStream(tar))
    await using file = await open(tar)
    await expect(indexTar(file)).rejects.toMatchObject({ code: 'corrupt', message: expect.stringContaining('no size') })
  })

  it.each(['gnu', 'pax', 'ustar'])('finds the files of a %s tar that GNU tar wrote', async (format) => {
    const long = `${'d'.repeat(90)}/${'e'.repeat(90)}`
    const names = ['short', format === 'ustar' ? 'd/e' : `${long}/${'f'.repeat(120)}`]
    await mkdir(join(directory, 'in', format === 'ustar' ? 'd' : long), { recursive: true })
    for (const file of names) await writeFile(join(directory, 'in', file), `content of ${file}`)
    const tar = join(directory, 'x.tar')
    execFileSync('tar', ['-C', join(directory, 'in'), `--format=${format}`, '-cf', tar, '.'])
    await using file = await open(tar)
    const entries = await indexTar(file)
    expect([...entries.keys()].toSorted()).toEqual(names.toSorted())
    const bytes = await readFile(tar)
    for (const { name: entry, offset, size } of entries.values()) {
      expect(bytes.toString('utf8', offset, offset + size)).toBe(`content of ${entry}`)
    }
  })
})
