import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { ContentStore, Repository } from '../content-store.ts'
import { blobKey } from '../content/content-keys.ts'
import { blobOf, pushImage, store as storeBlob } from '../content/stored-content.conformance.ts'
import { createContentStore } from '../create-content-store.ts'
import { openFsStore } from '../fs-store.ts'
import type { ObjectStore, ReadOptions } from '../object-store.ts'
import { inPieces, pattern } from '../stored-bytes.conformance.ts'
import { flipByte } from '../../testing/flip-byte.ts'
import { createIntegrity, type Integrity } from './integrity.ts'
import { createQuarantine, quarantineKey } from './quarantine.ts'

const large = pattern(3_000_000)
const blob = blobOf(large)
const hour = 3600_000

interface Opened extends AsyncDisposable {
  readonly directory: string
  readonly objects: ObjectStore
  readonly integrity: Integrity
  readonly content: ContentStore
  readonly repository: Repository
  /** Lets time pass, in milliseconds. */
  wait(ms: number): void
}

async function open(): Promise<Opened> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-scrub-'))
  let time = Date.now()
  const now = (): number => time
  const objects = await openFsStore({ directory })
  const integrity = createIntegrity(objects, { now })
  const content = createContentStore(objects, { now, integrity })
  const repository = content.repository('team/app')
  await storeBlob(repository, blob, large)
  return {
    directory,
    objects,
    integrity,
    content,
    repository,
    wait: (ms) => void (time += ms),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  }
}

/** What a reader gets of a blob, and how it ended. */
async function readingOf(
  repository: Repository,
  { digest }: Pick<Descriptor, 'digest'>,
  options?: ReadOptions,
): Promise<{ readonly bytes: Buffer; readonly error: unknown }> {
  const got: Uint8Array[] = []
  try {
    const object = await repository.openBlob(digest, options)
    for await (const chunk of object?.bytes ?? []) got.push(Uint8Array.from(chunk))
    return { bytes: Buffer.concat(got), error: undefined }
  } catch (error) {
    return { bytes: Buffer.concat(got), error }
  }
}

describe('a large blob with a flipped byte', () => {
  it.each([
    ['whole', {}, large.length],
    ['in part', { offset: 100, length: 1_500_000 }, 1_500_000],
    ['to its end', { offset: 2_000_000 }, 1_000_000],
  ])('is never read to the end, read %s, and is gone afterwards', async (_, options, length) => {
    await using opened = await open()
    opened.wait(hour)
    await flipByte(opened.directory, blob.digest, 1_000_000)
    const { bytes, error } = await readingOf(opened.repository, blob, options)
    expect(error).toMatchObject({ code: 'corrupt' })
    expect(bytes.length).toBeLessThan(length)
    expect(await opened.repository.hasBlob(blob)).toBe(false)
    expect((await readingOf(opened.repository, blob, options)).bytes.length).toBe(0)
  })

  it('is seen at once where the file changed, however lately it was read', async () => {
    await using opened = await open()
    expect((await readingOf(opened.repository, blob)).bytes.equals(large)).toBe(true)
    const path = join(opened.directory, blobKey(blob.digest))
    const bytes = await readFile(path)
    bytes[5] = bytes[5]! ^ 1
    await writeFile(path, bytes)
    expect((await readingOf(opened.repository, blob)).error).toMatchObject({ code: 'corrupt' })
  })

  it('is kept aside for whoever wants to look at it, and told of', async () => {
    await using opened = await open()
    const told: unknown[] = []
    opened.integrity.onDamaged((...facts) => told.push(facts))
    await flipByte(opened.directory, blob.digest, 7)
    expect(await opened.integrity.check(blob.digest)).toBe('damaged')
    expect(await opened.integrity.check(blob.digest)).toBe('gone')
    expect(told).toEqual([[blob.digest, blob.size]])
    const aside = await readFile(join(opened.directory, quarantineKey(blob.digest)))
    expect([aside.length, aside.equals(large)]).toEqual([large.length, false])
    expect(await Array.fromAsync(opened.integrity.quarantine.list())).toMatchObject([
      { digest: blob.digest, size: blob.size, isKept: true, settledAt: null },
    ])
  })

  it.each(['a client', 'a copy'])('is mended when %s brings it again', async (who) => {
    await using opened = await open()
    opened.wait(hour)
    await flipByte(opened.directory, blob.digest)
    if (who === 'a copy') await opened.integrity.check(blob.digest)
    if (who === 'a copy') await storeBlob(opened.repository, blob, large)
    else {
      await using upload = await opened.content.openUpload('session-1')
      await upload.append(inPieces(large, 65_536))
      await opened.repository.commitUpload(upload, blob.digest)
    }
    expect((await readingOf(opened.repository, blob)).bytes.equals(large)).toBe(true)
  })
})

describe('blobs of which a byte each is asked for', () => {
  it('are read whole a few at a time, and not at all if nobody waits any more before it began', async () => {
    await using opened = await open()
    const contents = Array.from({ length: 12 }, (_, n) => `content ${n}`)
    for (const content of contents) await storeBlob(opened.repository, blobOf(content), content)
    const begun: string[] = []
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const objects = {
      ...opened.objects,
      get: async (...asked: Parameters<ObjectStore['get']>) => {
        if (asked[1]?.isFresh) {
          begun.push(asked[0])
          await released
        }
        return await opened.objects.get(...asked)
      },
    }
    const repository = createContentStore(objects).repository('team/app')
    const readers: AsyncIterator<Uint8Array>[] = []
    for (const content of contents) {
      const object = await repository.openBlob(blobOf(content).digest, { length: 1 })
      readers.push(object!.bytes[Symbol.asyncIterator]())
    }
    expect(begun.length).toBe(4)
    // One that had begun, and the last ones, which had not.
    for (const n of [0, 9, 10, 11]) await readers[n]!.return!()
    release()
    for (const n of [1, 2, 3, 4, 5, 6, 7, 8]) expect((await readers[n]!.next()).value).toEqual(Buffer.from('c'))
    expect(begun).toEqual(contents.slice(0, 9).map((content) => blobKey(blobOf(content).digest)))
    expect((await readingOf(repository, blobOf(contents[11]!), { length: 1 })).bytes.toString()).toBe('c')
  })
})

describe('a right blob', () => {
  it('is read in part when all of it was looked at, once for all within the hour', async () => {
    await using opened = await open()
    opened.wait(hour)
    let reads = 0
    const objects = {
      ...opened.objects,
      get: (...asked: Parameters<ObjectStore['get']>) => {
        if (asked[1]?.isFresh) reads++
        return opened.objects.get(...asked)
      },
    }
    const repository = createContentStore(objects).repository('team/app')
    const parts = [0, 1, 2].map((n) => readingOf(repository, blob, { offset: n * 1_000_000, length: 1_000_000 }))
    expect(Buffer.concat((await Promise.all(parts)).map(({ bytes }) => bytes)).equals(large)).toBe(true)
    expect((await readingOf(repository, blob, { offset: 2_999_999 })).bytes.equals(large.subarray(-1))).toBe(true)
    expect(reads).toBe(1)
  })

  it('is believed to be right for an hour after it came', async () => {
    await using opened = await open()
    await flipByte(opened.directory, blob.digest)
    expect((await readingOf(opened.repository, blob)).error).toBeUndefined()
    opened.wait(hour)
    expect((await readingOf(opened.repository, blob)).error).toMatchObject({ code: 'corrupt' })
  })

  it('that is read wrongly once stays where it is', async () => {
    await using opened = await open()
    opened.wait(hour)
    let wrongReads = 1
    const objects: ObjectStore = {
      ...opened.objects,
      async get(key, options) {
        const object = await opened.objects.get(key, options)
        if (!object || !key.startsWith('blobs/') || wrongReads-- <= 0) return object
        await object.bytes[Symbol.asyncIterator]().return?.()
        return { info: object.info, bytes: inPieces(Buffer.alloc(object.info.size), 65_536) }
      },
    }
    const repository = createContentStore(objects).repository('team/app')
    expect((await readingOf(repository, blob)).error).toMatchObject({ code: 'unavailable' })
    expect((await readingOf(repository, blob)).bytes.equals(large)).toBe(true)
  })

  it('leaves no file open for a reader who never begins', async () => {
    await using opened = await open()
    opened.wait(hour)
    const object = await opened.repository.openBlob(blob.digest)
    await object!.bytes[Symbol.asyncIterator]().return?.()
    expect((await readingOf(opened.repository, blob)).bytes.equals(large)).toBe(true)
  })
})

describe('a small blob or a manifest with a flipped byte', () => {
  it('is not served, and is mended by bringing it again', async () => {
    await using opened = await open()
    const image = await pushImage(opened.repository, 'a', ['v1'])
    await flipByte(opened.directory, image.digest, 20)
    await flipByte(opened.directory, image.config.digest, 2)
    opened.wait(hour)
    const objects = await openFsStore({ directory: opened.directory })
    const repository = createContentStore(objects).repository('team/app')
    await expect(repository.manifest('v1')).rejects.toMatchObject({ code: 'corrupt' })
    expect(await repository.manifest('v1')).toBeUndefined()
    expect(await readingOf(repository, image.config)).toMatchObject({
      bytes: Buffer.alloc(0),
      error: { code: 'corrupt' },
    })
    await pushImage(repository, 'a', ['v1'])
    expect((await repository.manifest('v1'))?.digest).toBe(image.digest)
    expect((await readingOf(repository, image.config)).error).toBeUndefined()
  })
})

describe('the quarantine', () => {
  it('keeps all that is missed, and what it has room for of the rest, the latest', async () => {
    await using opened = await open()
    let time = 1
    const quarantine = createQuarantine(opened.objects, { now: () => time++, maxBytes: 25 })
    const integrity = createIntegrity(opened.objects, { quarantine })
    const contents = ['0123456789', 'abcdefghij', 'ABCDEFGHIJ', 'x'.repeat(30)]
    const kept = async () => {
      const records = new Map((await Array.fromAsync(quarantine.list())).map((each) => [each.digest, each.isKept]))
      for (const [digest, isKept] of records) {
        expect((await opened.objects.head(quarantineKey(digest))) !== undefined).toBe(isKept)
      }
      return contents.map((content) => records.get(blobOf(content).digest))
    }
    for (const content of contents) {
      await storeBlob(opened.repository, blobOf(content), content)
      await flipByte(opened.directory, blobOf(content).digest)
      expect(await integrity.check(blobOf(content).digest)).toBe('damaged')
    }
    expect(await kept()).toEqual([true, true, true, true])
    for (const content of contents.toReversed()) await quarantine.settle(blobOf(content).digest)
    expect(await kept()).toEqual([false, true, true, false])
    expect(await quarantine.drop(blobOf(contents[1]!).digest)).toBe(true)
    expect(await kept()).toEqual([false, false, true, false])
    expect(await quarantine.drop(blobOf(contents[1]!).digest)).toBe(false)
  })

  it('gets the file itself, which may be right if only the memory was wrong', async () => {
    await using opened = await open()
    const path = (key: string): string => join(opened.directory, key)
    await flipByte(opened.directory, blob.digest, 7)
    const { ino } = await stat(path(blobKey(blob.digest)))
    expect(await opened.integrity.check(blob.digest)).toBe('damaged')
    expect((await stat(path(quarantineKey(blob.digest)))).ino).toBe(ino)
    // Another time takes its place.
    await storeBlob(opened.repository, blob, large)
    await flipByte(opened.directory, blob.digest, 8)
    expect(await opened.integrity.check(blob.digest)).toBe('damaged')
    expect((await stat(path(quarantineKey(blob.digest)))).ino).not.toBe(ino)
    expect(await opened.repository.hasBlob(blob)).toBe(false)
  })

  it('takes a blob of which the record is damaged itself', async () => {
    await using opened = await open()
    await flipByte(opened.directory, blob.digest, 7)
    await opened.objects.putIfAbsent(`quarantine/records/${blob.digest}.json`, Buffer.from('{"version"'))
    expect(await opened.integrity.check(blob.digest)).toBe('damaged')
    expect(await opened.repository.hasBlob(blob)).toBe(false)
    expect(await Array.fromAsync(opened.integrity.quarantine.list())).toMatchObject([{ isKept: true, settledAt: null }])
  })

  it('does not touch what somebody has replaced meanwhile', async () => {
    await using opened = await open()
    const found = await opened.objects.head(blobKey(blob.digest))
    await opened.objects.putIfMatch(found!.key, found!.etag, large)
    expect(await opened.integrity.quarantine.take(blob.digest, found!)).toBe(false)
    expect(await opened.repository.hasBlob(blob)).toBe(true)
  })
})
