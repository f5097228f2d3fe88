import { pino } from 'pino'
import { afterEach, describe, expect, it } from 'vitest'
import { copyBlob } from '../../copy/copy-blob.ts'
import { retry } from '../../copy/retry.ts'
import { Fault } from '../../oci/fault.ts'
import type { ContentSource } from '../../content.ts'
import { blobOf } from '../content/stored-content.conformance.ts'
import { createContentStore } from '../create-content-store.ts'
import { createMemoryStore } from '../memory-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { bytesOf, chunks, pattern, text, textOf } from '../stored-bytes.conformance.ts'
import type { Fence } from './remote-connection.ts'
import { openRemoteStore } from './remote-store.ts'
import { serveObjects, testToken } from './serve-objects.ts'

let opened = new AsyncDisposableStack()
afterEach(async () => {
  await opened.disposeAsync()
  opened = new AsyncDisposableStack()
})

interface Mirror {
  readonly objects: ObjectStore
  readonly connect: (fence?: () => Fence | undefined) => ObjectStore
}

async function openMirror(): Promise<Mirror> {
  const objects = createMemoryStore()
  const { url } = opened.use(await serveObjects(objects, pino({ level: 'silent' })))
  const connect: Mirror['connect'] = (fence) =>
    opened.use(openRemoteStore({ url: new URL(url), token: testToken, fence }))
  return { objects, connect }
}

/** A source that hands out a blob piece by piece, each only when `turn` lets it. */
function sourceOf(bytes: Buffer, turn: () => Promise<void>): ContentSource {
  return {
    resolve: () => Promise.reject(new Fault('not-found', 'no manifests here')),
    manifest: () => Promise.reject(new Fault('not-found', 'no manifests here')),
    blob: async (_repository, _blob, { offset = 0 } = {}) =>
      (async function* () {
        for (let at = offset; at < bytes.length; at += 1_000_000) {
          await turn()
          yield bytes.subarray(at, at + 1_000_000)
        }
      })(),
  }
}

describe('several processes over one mirror', () => {
  it('see at once what another one wrote, changed and deleted', async () => {
    const { connect, objects } = await openMirror()
    const [one, other] = [connect(), connect()]
    const put = await one.putIfAbsent('a', text('1'))
    expect(await textOf(await other.get('a'))).toBe('1')
    const changed = await other.putIfMatch('a', put!.etag, text('2'))
    expect(await one.head('a')).toEqual(changed)
    await objects.delete('a')
    expect(await one.get('a')).toBeUndefined()
  })

  it('bring the same blob together', async () => {
    const { connect } = await openMirror()
    const bytes = pattern(12_345_678)
    const blob = blobOf(bytes)
    const bring = async (objects: ObjectStore): Promise<void> => {
      const sink = createContentStore(objects).repository('app')
      const source = sourceOf(bytes, () => new Promise((resolve) => setImmediate(resolve)))
      const once = (progress: () => void): Promise<void> =>
        copyBlob(blob, { source, sourceRepository: 'app', sink, onDone: progress })
      await retry(once, { pause: () => new Promise((resolve) => setImmediate(resolve)) })
    }
    const stores = [connect(), connect(), connect()]
    await Promise.all(stores.map(bring))
    for (const objects of stores) {
      const content = createContentStore(objects).repository('app')
      expect((await bytesOf((await content.openBlob(blob.digest))!)).equals(bytes)).toBe(true)
      expect(await Array.fromAsync(objects.listUploads())).toEqual([])
    }
  })

  it('cannot make a blob of what one began and another one went on with, if it has another digest', async () => {
    const { connect } = await openMirror()
    const [one, other] = [connect(), connect()]
    const key = `blobs/sha256/${blobOf('good').digest.slice(7)}`
    {
      await using upload = await one.openUpload('u')
      await upload.append(chunks('go'))
    }
    await using rival = await other.openUpload('u')
    await rival.append(chunks('ld'))
    await expect(rival.publish(key)).rejects.toMatchObject({ code: 'corrupt' })
    expect(await one.head(key)).toBeUndefined()
  })

  it('are kept from writing once their fence is replaced', async () => {
    const { connect } = await openMirror()
    const fence = await connect().putIfAbsent('leader', text('one'))
    const old = connect(() => fence)
    await old.putIfAbsent('a', text('1'))
    await using upload = await old.openUpload('u')
    await upload.append(chunks('abc'))
    await connect().putIfMatch('leader', fence!.etag, text('two'))
    const fenced = { code: 'conflict', details: { isFenced: true } }
    await expect(old.putIfAbsent('b', text('1'))).rejects.toMatchObject(fenced)
    await expect(old.delete('a')).rejects.toMatchObject(fenced)
    await expect(upload.append(chunks('d'))).rejects.toMatchObject(fenced)
    await expect(upload.publish('c')).rejects.toMatchObject(fenced)
    await expect(upload.discard()).rejects.toMatchObject(fenced)
    expect(await textOf(await old.get('a'))).toBe('1')
  })
})
