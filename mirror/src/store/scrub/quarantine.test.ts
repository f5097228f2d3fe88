import { expect, it } from 'vitest'
import { Fault } from '../../oci/fault.ts'
import { blobKey } from '../content/content-keys.ts'
import { createMemoryStore } from '../memory-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { text } from '../stored-bytes.conformance.ts'
import { blobOf } from '../content/stored-content.conformance.ts'
import { createQuarantine, quarantineKey } from './quarantine.ts'

it('counts and deletes a copy, too, that another replica made at the same time', async () => {
  const objects = createMemoryStore()
  const slower: ObjectStore = {
    ...objects,
    openUpload: () => Promise.reject(new Fault('conflict', 'the upload has another writer')),
  }
  const options = { now: Date.now, maxBytes: 5 }
  const [one, other] = [createQuarantine(objects, options), createQuarantine(slower, options)]
  const [{ digest }, next] = [blobOf('first'), blobOf('next')]
  const found = (await objects.putIfAbsent(blobKey(digest), text('wrong')))!
  expect(await one.take(digest, found)).toBe(true)
  expect(await other.take(digest, found)).toBe(false)
  expect(await Array.fromAsync(one.list())).toMatchObject([{ digest, isKept: true }])
  await one.take(next.digest, (await objects.putIfAbsent(blobKey(next.digest), text('bad')))!)
  expect(await objects.head(quarantineKey(digest))).toBeUndefined()
})

it('reads no more of each blob that is mended, however many were damaged', async () => {
  const objects = createMemoryStore()
  let reads = 0
  const counted: ObjectStore = {
    ...objects,
    get: (...args) => {
      reads++
      return objects.get(...args)
    },
    move: async (key, etag) => await objects.delete(key, etag),
  }
  const quarantine = createQuarantine(counted, { now: Date.now, maxBytes: 50 })
  const blobs = Array.from({ length: 100 }, (_, n) => blobOf(`right ${n}`))
  for (const { digest } of blobs) {
    await quarantine.take(digest, (await objects.putIfAbsent(blobKey(digest), text('wrong')))!)
  }
  reads = 0
  for (const { digest } of blobs) expect(await quarantine.settle(digest)).toBe(true)
  expect(reads).toBeLessThan(4 * blobs.length)
  const kept = (await Array.fromAsync(quarantine.list())).filter(({ isKept }) => isKept)
  expect(kept).toHaveLength(10)
})
