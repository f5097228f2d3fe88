import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { buildSet } from '@stowage/mirror/edge/set'
import type { Digest } from '@stowage/mirror/oci/digest'
import { createMemoryFileSystem } from '@stowage/mirror/store/crash-model/memory-file-system'
import { createFileSystem } from '../files/create-file-system.ts'
import { createMemorySource, type MemorySource } from '../testing/memory-source.ts'
import { createTestImage, linuxAmd64, offer } from '../testing/test-image.ts'
import { openDocumentStore } from '../transfer/document-store.ts'
import { createLibrary, type Library } from './library.ts'

const { signal } = new AbortController()
const image = createTestImage([randomBytes(100)])
const wanted = { name: 'docker.io/library/a:1', root: image.root }
const set = buildSet({ images: [wanted], unresolved: ['b'] })

let source: MemorySource
const files = () => createFileSystem(createMemoryFileSystem())
let disk = files()
/** By digest: what the runtime has. */
const inRuntime = new Map<Digest, Uint8Array>()
const runtime = { document: async (digest: Digest) => inRuntime.get(digest) }
beforeEach(() => {
  disk = files()
  inRuntime.clear()
  source = createMemorySource()
  offer(source, image)
  source.manifests.set(set.digest, set.raw)
})

async function open(): Promise<Library> {
  const documents = await openDocumentStore('/documents', disk)
  return createLibrary({ documents, source, runtime, platform: linuxAmd64, documentTimeoutMs: 50 })
}

describe('the library', () => {
  it('knows what it has learnt, after a restart and without a link', async () => {
    const first = await open()
    expect(await first.setsAtHand([set.digest, null])).toEqual(new Map())
    await first.learnSet(set.digest, signal)
    await first.learnImage(wanted, signal)
    source.manifests.clear()
    const second = await open()
    expect((await second.setsAtHand([set.digest])).get(set.digest)).toEqual({ images: [wanted], unresolved: ['b'] })
    expect(await second.graph(image.root)).toMatchObject({ root: image.root, blobs: image.graph.blobs })
  })

  it('fetches nothing of an image of which the runtime has all', async () => {
    for (const [digest, raw] of [...image.manifests, ...image.blobs]) inRuntime.set(digest, raw)
    source.manifests.clear()
    source.blobs.clear()
    await (await open()).learnImage(wanted, signal)
    expect(await (await open()).graph(image.root)).toMatchObject({ root: image.root, blobs: image.graph.blobs })
  })

  it('reads anew what its disk has damaged', async () => {
    await (await open()).learnSet(set.digest, signal)
    const [name = ''] = await disk.list('/documents')
    {
      await using file = await disk.openForWriting(`/documents/${name}`)
      await file.write(Buffer.from('x'), 0)
    }
    const library = await open()
    expect(await library.setsAtHand([set.digest])).toEqual(new Map())
    await library.learnSet(set.digest, signal)
    expect((await library.setsAtHand([set.digest])).size).toBe(1)
  })

  it('says so where a set is none, and does not take it for one', async () => {
    const library = await open()
    await expect(library.learnSet(image.root.digest, signal)).rejects.toThrow(/is not a set/)
    expect(await library.setsAtHand([image.root.digest])).toEqual(new Map())
  })

  it('does not wait for ever for a document', async () => {
    source.manifest = (_repository, _reference, { signal: given } = {}) =>
      new Promise((_, reject) => given?.addEventListener('abort', () => reject(given.reason as Error)))
    await expect((await open()).learnSet(set.digest, signal)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('did not come within 0.05 s'),
    })
  })

  it('forgets what nobody needs', async () => {
    const library = await open()
    await library.learnSet(set.digest, signal)
    await library.learnImage(wanted, signal)
    await library.retain([set.digest], [])
    expect(await disk.list('/documents')).toHaveLength(1)
    expect(await library.graph(image.root)).toBeUndefined()
  })
})
