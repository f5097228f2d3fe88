import { describe, expect, it } from 'vitest'
import { digestOf } from '../../oci/digest.ts'
import { Fault, faultCodes, type FaultCode } from '../../oci/fault.ts'
import { allowAll } from '../../server/authorize.ts'
import { createMirrorServer } from '../../server/mirror-server.ts'
import { registryRoutes } from '../../server/registry-routes.ts'
import { silentLog } from '../../testing/silent-log.ts'
import { withBadSectors } from '../../testing/with-bad-sectors.ts'
import { blobKey } from '../content/content-keys.ts'
import { store as storeBlob } from '../content/stored-content.conformance.ts'
import { createMemoryFileSystem } from '../crash-model/memory-file-system.ts'
import { createContentStore } from '../create-content-store.ts'
import { openFsStore } from '../fs-store.ts'
import { isUnreadable } from '../is-unreadable.ts'
import { createMemoryStore } from '../memory-store.ts'
import type { ObjectStore, Upload } from '../object-store.ts'
import { createIntegrity } from '../scrub/integrity.ts'
import { inPieces, text } from '../stored-bytes.conformance.ts'
import { openRemoteStore } from './remote-store.ts'
import { serveObjects, testToken } from './serve-objects.ts'

/** The store behind a mirror, as a controller has it. */
async function openRemotely(objects: ObjectStore) {
  await using stack = new AsyncDisposableStack()
  const { address } = stack.use(await serveObjects(objects, silentLog))
  const url = new URL(`http://127.0.0.1:${address.port}`)
  const pace = { baseMs: 1, capMs: 2, tries: 2 }
  const store = stack.use(openRemoteStore({ url, token: testToken, pace }))
  const opened = stack.move()
  return { store, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

const verbs: Record<string, (store: ObjectStore) => Promise<unknown>> = {
  head: (store) => store.head('a'),
  get: (store) => store.get('a'),
  putIfAbsent: (store) => store.putIfAbsent('a', text('1')),
  putIfMatch: (store) => store.putIfMatch('a', 'e', text('1')),
  delete: (store) => store.delete('a'),
  list: (store) => Array.fromAsync(store.list('a')),
  listUploads: (store) => Array.fromAsync(store.listUploads()),
  openUpload: (store) => store.openUpload('u'),
}

describe('a fault of the store behind a mirror', () => {
  it.each(
    faultCodes
      .filter((code) => code !== 'not-found')
      .flatMap((code) => Object.keys(verbs).map((verb) => [code, verb] as const)),
  )('%s is the same fault for who asks from elsewhere, in %s', async (code: FaultCode, verb) => {
    const broken = (): never => {
      throw new Fault(code, 'what happened', { details: { errno: 'EIO', path: '/srv' } })
    }
    const objects = { ...createMemoryStore(), ...Object.fromEntries(Object.keys(verbs).map((one) => [one, broken])) }
    await using remote = await openRemotely(objects)
    // An answer to HEAD has no words.
    const details = verb === 'head' ? {} : { errno: 'EIO' }
    await expect(verbs[verb]!(remote.store)).rejects.toMatchObject({ code, details })
  })

  it('is one of its disk also where large bytes were on their way', async () => {
    const objects = createMemoryStore()
    await objects.putIfAbsent('a', Buffer.alloc(2_000_000))
    const breaking: ObjectStore = {
      ...objects,
      async get(key, options) {
        const object = await objects.get(key, options)
        let at = options?.offset ?? 0
        const bytes = (async function* () {
          for await (const chunk of object!.bytes) {
            for (let from = 0; from < chunk.length; from += 100_000) {
              if (at >= 1_000_000) throw new Fault('unavailable', 'the disk fails', { details: { errno: 'EIO' } })
              yield chunk.subarray(from, from + 100_000)
              at += 100_000
            }
          }
        })()
        return { info: object!.info, bytes }
      },
    }
    await using remote = await openRemotely(breaking)
    const object = await remote.store.get('a')
    let came = 0
    const reading = (async () => {
      for await (const chunk of object!.bytes) came += chunk.length
    })()
    const error: unknown = await reading.catch((reason: unknown) => reason)
    expect([came, isUnreadable(error)]).toEqual([1_000_000, true])
  })

  it('lets who asks from elsewhere bring a blob anew that a disk fails to give', async () => {
    const disk = withBadSectors(createMemoryFileSystem())
    const local = await openFsStore({ directory: '/store', files: disk.files })
    const content = Buffer.alloc(700_000, 'x')
    const blob = { mediaType: 'application/octet-stream', digest: digestOf(content), size: content.length }
    await storeBlob(createContentStore(local).repository('a'), blob, content.toString())
    await disk.spoil(`/store/${blobKey(blob.digest)}`)
    await using remote = await openRemotely(local)
    const integrity = createIntegrity(remote.store)
    const repository = createContentStore(remote.store, { integrity }).repository('a')
    await expect(integrity.check(blob.digest)).rejects.toSatisfy(isUnreadable)
    expect([...integrity.unreadable()]).toEqual([blob.digest])
    expect(await repository.hasBlob(blob)).toBe(false)
    await storeBlob(repository, blob, content.toString())
    expect([await repository.hasBlob(blob), await integrity.check(blob.digest)]).toEqual([true, 'right'])
  })
})

describe('a registry over a mirror whose disk is full', () => {
  it.each(['at once', 'when something came'])('says so, %s', async (when) => {
    const objects = createMemoryStore()
    const full = (): never => {
      throw new Fault('no-space', '/srv: the disk is full', { details: { errno: 'ENOSPC' } })
    }
    const openUpload: ObjectStore['openUpload'] = async (...args) => {
      if (when === 'at once') full()
      const upload = await objects.openUpload(...args)
      const append: Upload['append'] = async () => full()
      return Object.create(upload, { append: { value: append }, size: { get: () => upload.size } }) as Upload
    }
    await using remote = await openRemotely({ ...objects, openUpload })
    const app = createMirrorServer()
    const store = createContentStore(remote.store)
    await app.register(registryRoutes, { store, authorize: allowAll, log: silentLog })
    const payload = Buffer.from('a blob')
    const url = `/v2/a/blobs/uploads/?digest=${digestOf(payload)}`
    const answer = await app.inject({ method: 'POST', url, payload })
    expect([answer.statusCode, answer.body]).toEqual([507, expect.stringContaining('no space')])
    expect(answer.body).not.toContain('/srv')
    const blob = { mediaType: 'application/octet-stream', digest: digestOf(payload), size: payload.length }
    const write = async (): Promise<void> => {
      await using ingest = await store.repository('a').ingest(blob)
      await ingest!.write(inPieces(payload, 3))
    }
    await expect(write()).rejects.toMatchObject({ code: 'no-space' })
  })
})
