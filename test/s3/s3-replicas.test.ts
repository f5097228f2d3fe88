import { randomBytes, randomUUID } from 'node:crypto'
import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3'
import { digestOf } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import { readObject } from '@stowage/mirror/store/read-object'
import { makeName } from '@stowage/mirror/store/s3/cell'
import { createS3Store } from '@stowage/mirror/store/s3/create-s3-store'
import { foldersBelow } from '@stowage/mirror/store/s3/folders'
import { openClient } from '@stowage/mirror/store/s3/s3-client'
import { createUploadMemory, type UploadMemory } from '@stowage/mirror/store/s3/upload-memory'
import { chunks, inPieces } from '@stowage/mirror/store/stored-bytes.conformance'
import { expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import { dyingBucket } from './dying-bucket.ts'
import { bucketOptions, withBucket, withService } from './with-bucket.ts'

const mebibyte = 1024 * 1024
const littleMemory: UploadMemory = { ...createUploadMemory(), share: () => 300_000 }

requirePart('versitygw')('replicas over one bucket', () => {
  const service = withService()
  const bucket = withBucket(service)
  const replica = (prefix: string, over = bucket(), monotonicNow?: () => number): ObjectStore =>
    createS3Store({ bucket: over, prefix, deletesOnCondition: true, monotonicNow })
  const keysBelow = async (folder: string): Promise<string[]> =>
    (await Array.fromAsync(bucket().list(folder))).map(({ key }) => key.slice(folder.length))

  it('append to an upload in turn, across the ends of segments, and read any part of it', async () => {
    const prefix = randomUUID()
    const replicas = [replica(prefix), replica(prefix)]
    const bytes = randomBytes(27 * mebibyte + 12_345)
    const ends = [100, 3 * mebibyte, 9 * mebibyte, 9 * mebibyte + 1, 25 * mebibyte, bytes.length]
    let at = 0
    for (const [turn, end] of ends.entries()) {
      await using upload = await replicas[turn % 2]!.openUpload('u')
      expect(upload.size).toBe(at)
      expect(await upload.append(inPieces(bytes.subarray(at, end), 100_000))).toBe(end)
      at = end
    }
    await using upload = await replicas[0]!.openUpload('u', { create: false })
    for (const [offset, length] of [
      [0, bytes.length],
      [8 * mebibyte - 1, 2],
      [5, 20 * mebibyte],
      [26 * mebibyte, Infinity],
    ] as const) {
      const read = Buffer.concat(await Array.fromAsync(upload.read({ offset, length })))
      expect(read.equals(bytes.subarray(offset, offset + length))).toBe(true)
    }
    expect(await upload.publish('large')).toBe('created')
    const stored = await readObject(replicas[1]!, 'large')
    expect(stored?.bytes.equals(bytes)).toBe(true)
    expect(await keysBelow(foldersBelow(prefix).segments)).toEqual([])
    expect(await keysBelow(foldersBelow(prefix).data)).toHaveLength(1)
    expect(await replicas[1]!.delete('large', stored?.info.etag)).toBe(true)
    expect(await keysBelow(`${prefix}/`)).toEqual([])
  })

  it('have one winner when they append at once, and nothing is left of what the other one sent', async () => {
    const prefix = randomUUID()
    const [one, other] = [replica(prefix), replica(prefix)]
    await using first = await one.openUpload('u')
    await using second = await other.openUpload('u')
    const { promise: gate, resolve: go } = Promise.withResolvers<void>()
    const appended = first.append(
      (async function* () {
        yield randomBytes(9 * mebibyte)
        await gate
      })(),
    )
    const bytes = randomBytes(10 * mebibyte)
    expect(await second.append(inPieces(bytes, mebibyte))).toBe(bytes.length)
    go()
    await expect(appended).rejects.toMatchObject({ code: 'conflict' })
    expect(first.size).toBe(0)
    expect(await second.publish('x')).toBe('created')
    expect((await readObject(one, 'x'))?.bytes.equals(bytes)).toBe(true)
    expect(await keysBelow(foldersBelow(prefix).segments)).toEqual([])
  })

  it('lose of what came slowly no more than the last two seconds when one is killed', async () => {
    const prefix = randomUUID()
    let now = 0
    await using upload = await replica(prefix, bucket(), () => now).openUpload('u')
    const { promise: gate, resolve: go } = Promise.withResolvers<void>()
    const { promise: asked, resolve: ask } = Promise.withResolvers<void>()
    const appended = upload.append(
      (async function* () {
        yield Buffer.from('abc')
        now += 2000
        yield Buffer.from('def')
        ask()
        await gate
      })(),
    )
    await asked
    await using other = await replica(prefix).openUpload('u')
    expect(other.size).toBe(6)
    go()
    expect(await appended).toBe(6)
  })

  it('do not take bytes for those that they saw themselves when another one began anew', async () => {
    const prefix = randomUUID()
    const [one, other] = [createContentStore(replica(prefix)), createContentStore(replica(prefix))]
    {
      await using upload = await one.openUpload('u')
      await upload.append(chunks('right'))
    }
    {
      await using upload = await other.openUpload('u')
      await upload.discard()
      await using again = await other.openUpload('u')
      await again.append(chunks('wrong'))
    }
    await using upload = await one.openUpload('u')
    expect(upload.size).toBe(5)
    const digest = digestOf('right')
    await expect(one.repository('a').commitUpload(upload, digest)).rejects.toMatchObject({ code: 'corrupt' })
    expect(await one.repository('a').commitUpload(upload, digestOf('wrong'))).toMatchObject({ size: 5 })
  })

  it.each([
    ['small', 1000],
    ['of one piece', mebibyte],
    ['of a segment and a byte', 8 * mebibyte + 1],
    ['of crumbs', 700_000, littleMemory],
  ])('finish a publication, %s, over whose every request one was killed', async (_, size, memory?: UploadMemory) => {
    const bytes = randomBytes(size)
    for (const isDone of [false, true]) {
      for (let at = 0, isOver = false; !isOver; at++) {
        const prefix = randomUUID()
        {
          const store = createS3Store({ bucket: bucket(), prefix, deletesOnCondition: true, memory })
          await using upload = await store.openUpload('u')
          await upload.append(inPieces(bytes, mebibyte))
        }
        const dying = dyingBucket(bucket(), { at, isDone })
        const outcome = await publish(replica(prefix, dying.bucket)).catch((error: unknown) => error)
        isOver = outcome === 'created'
        expect(isOver || (outcome as Error).message).toBe(isOver || 'killed')
        const heir = replica(prefix)
        await using upload = await heir.openUpload('u')
        // Either nothing was published, and all bytes are here, or all is done.
        const stood = await heir.head('x')
        expect([at, upload.size]).toEqual([at, stood ? upload.size : size])
        if (upload.size > 0) await upload.publish('x')
        else await upload.discard()
        const stored = await readObject(heir, 'x')
        expect([at, stored?.bytes.equals(bytes)]).toEqual([at, true])
        if (stood) expect(stored?.info).toEqual(stood)
        const folders = foldersBelow(prefix)
        expect([at, await keysBelow(folders.uploads), await keysBelow(folders.segments)]).toEqual([at, [], []])
        expect([at, (await keysBelow(folders.data)).length]).toEqual([at, size > 256 * 1024 ? 1 : 0])
      }
    }
  })

  it('clear away what one that was killed over a deletion left, when they list', async () => {
    for (const isDone of [false, true]) {
      for (let at = 0, isOver = false; !isOver; at++) {
        const prefix = randomUUID()
        const heir = replica(prefix)
        {
          await using upload = await heir.openUpload('u')
          await upload.append(inPieces(randomBytes(mebibyte), 100_000))
          await upload.publish('x')
        }
        const dying = dyingBucket(bucket(), { at, isDone })
        isOver = await replica(prefix, dying.bucket)
          .delete('x')
          .catch(() => false)
        const found = await Array.fromAsync(heir.list(''))
        for (const { key, etag } of found) {
          expect((await readObject(heir, key))?.bytes.length).toBe(mebibyte)
          expect(await heir.delete(key, etag)).toBe(true)
        }
        expect([at, await keysBelow(`${prefix}/`)]).toEqual([at, []])
      }
    }
  })

  it.each([false, true])(
    'name no bytes that are gone when one was killed over a publication, and somebody deleted it (deletes on condition: %s)',
    async (deletesOnCondition) => {
      const bytes = randomBytes(9 * mebibyte)
      for (let at = 0, isOver = false; !isOver; at++) {
        const prefix = randomUUID()
        const open = (over = bucket()): ObjectStore => createS3Store({ bucket: over, prefix, deletesOnCondition })
        {
          await using upload = await open().openUpload('u')
          await upload.append(inPieces(bytes, mebibyte))
        }
        const publishing = dyingBucket(bucket(), { at, isDone: true })
        isOver = (await publish(open(publishing.bucket)).catch(() => undefined)) === 'created'
        // Killed when the bytes are gone and the grave is not, where graves go.
        const deleting = dyingBucket(bucket(), { at: deletesOnCondition ? 3 : Infinity, isDone: false })
        await open(deleting.bucket)
          .delete('x')
          .catch(() => false)
        const heir = open()
        expect([at, await heir.head('x')]).toEqual([at, undefined])
        await using upload = await heir.openUpload('u')
        const isThere = (await heir.head('x')) !== undefined
        const stored = await readObject(heir, 'x')
        expect([at, stored?.bytes.equals(bytes)]).toEqual([at, isThere ? true : undefined])
        if (upload.size === 0) await upload.append(inPieces(bytes, mebibyte))
        await upload.publish('x')
        expect([at, (await readObject(heir, 'x'))?.bytes.equals(bytes)]).toEqual([at, true])
        expect([at, (await keysBelow(foldersBelow(prefix).data)).length]).toEqual([at, 1])
      }
    },
  )

  it('add nothing to what one of them failed to publish, which is finished as it was', async () => {
    const prefix = randomUUID()
    const bytes = randomBytes(9 * mebibyte)
    const failing = { ...bucket(), join: () => Promise.reject(new Fault('unavailable', 'the service went away')) }
    await using upload = await replica(prefix, failing).openUpload('u')
    await upload.append(inPieces(bytes, mebibyte))
    await expect(upload.publish('x')).rejects.toMatchObject({ code: 'unavailable' })
    await expect(upload.append(chunks('more'))).rejects.toMatchObject({ code: 'not-found' })
    const heir = replica(prefix)
    await expect(heir.openUpload('u', { create: false })).rejects.toMatchObject({ code: 'not-found' })
    expect((await readObject(heir, 'x'))?.bytes.equals(bytes)).toBe(true)
  })

  it('hold of many uploads that come slowly no more than each one’s share, and make the same of them', async () => {
    const prefix = randomUUID()
    const one = createS3Store({ bucket: bucket(), prefix, deletesOnCondition: true, memory: littleMemory })
    const bytes = randomBytes(18 * mebibyte + 12_345)
    await using upload = await one.openUpload('u')
    expect(await upload.append(inPieces(bytes, 70_000))).toBe(bytes.length)
    expect((await keysBelow(foldersBelow(prefix).segments)).length).toBeGreaterThan(40)
    const [offset, length] = [8 * mebibyte - 100_000, 9 * mebibyte]
    await using other = await replica(prefix).openUpload('u')
    for (const each of [upload, other]) {
      const read = Buffer.concat(await Array.fromAsync(each.read({ offset, length })))
      expect(read.equals(bytes.subarray(offset, offset + length))).toBe(true)
    }
    expect(await upload.publish('x')).toBe('created')
    expect((await readObject(replica(prefix), 'x'))?.bytes.equals(bytes)).toBe(true)
    expect(await keysBelow(foldersBelow(prefix).segments)).toEqual([])
  })

  it('sweep away what is old and named by nothing, and nothing else', async () => {
    const prefix = randomUUID()
    const { data, segments } = foldersBelow(prefix)
    const store = replica(prefix)
    const bytes = randomBytes(9 * mebibyte)
    for (const [id, key] of [
      ['one', 'x'],
      ['two', undefined],
    ] as const) {
      await using upload = await store.openUpload(id)
      await upload.append(inPieces(bytes, mebibyte))
      if (key !== undefined) await upload.publish(key)
    }
    // As of processes that were killed.
    await bucket().put(`${data}${makeName()}`, bytes.subarray(0, 1000))
    await bucket().put(`${data}probe-${makeName()}`, bytes.subarray(0, 10))
    await bucket().put(`${segments}${makeName()}/${makeName()}`, bytes.subarray(0, 100))
    // Of somebody else, in folders that happen to be called so.
    await bucket().put(`${data}report-2026.csv`, bytes.subarray(0, 10))
    const before = await keysBelow(`${prefix}/`)
    expect(await store.sweep?.({ unusedMs: 60_000, now: Date.now })).toEqual({ objects: 0, bytes: 0 })
    expect(await keysBelow(`${prefix}/`)).toEqual(before)
    const later = () => Date.now() + 120_000
    expect(await store.sweep?.({ unusedMs: 60_000, now: later })).toEqual({ objects: 3, bytes: 1110 })
    expect(await keysBelow(data)).toHaveLength(2)
    await using upload = await store.openUpload('two', { create: false })
    await upload.publish('y')
    for (const key of ['x', 'y']) expect((await readObject(store, key))?.bytes.equals(bytes)).toBe(true)
  })

  it('end joins that nobody ends', async () => {
    const prefix = randomUUID()
    const { data } = foldersBelow(prefix)
    const client = await openClient(bucketOptions(service()))
    const name = makeName()
    const where = { Bucket: service().bucket, Key: `${data}${name}` }
    await client.send(new CreateMultipartUploadCommand(where))
    client.destroy()
    const joins = () => Array.fromAsync(bucket().listJoins(data))
    expect(await joins()).toMatchObject([{ key: data + name }])
    await replica(prefix).sweep?.({ unusedMs: 60_000, now: Date.now })
    expect(await joins()).toHaveLength(1)
    await replica(prefix).sweep?.({ unusedMs: 60_000, now: () => Date.now() + 120_000 })
    expect(await joins()).toEqual([])
  })

  async function publish(store: ObjectStore): Promise<string> {
    await using upload = await store.openUpload('u', { create: false })
    return await upload.publish('x')
  }
})
