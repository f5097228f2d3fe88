import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fault } from '../../oci/fault.ts'
import { silentLog } from '../../testing/silent-log.ts'
import { blobKey } from '../content/content-keys.ts'
import { blobOf, store as storeBlob } from '../content/stored-content.conformance.ts'
import { createContentStore } from '../create-content-store.ts'
import { createMemoryStore } from '../memory-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { createIntegrity } from './integrity.ts'
import { quarantineKey } from './quarantine.ts'
import type { RepairSource } from './repair-source.ts'
import { createScrubber, type Scrubber } from './scrubber.ts'
import { scrubStates, stateName } from './scrub-state.ts'

const contents = Array.from({ length: 12 }, (_, n) => `content ${n} `.repeat(n + 1))
const digests = contents.map((content) => blobOf(content).digest)
const noProgress = { signal: new AbortController().signal, onProgress: () => undefined }

/** Everything in two repositories, half in each. */
async function filled(): Promise<ObjectStore> {
  const objects = createMemoryStore()
  const content = createContentStore(objects)
  for (const [n, each] of contents.entries()) {
    await storeBlob(content.repository(n % 2 === 0 ? 'a' : 'b/c'), blobOf(each), each)
  }
  return objects
}

interface ScrubberOver {
  readonly scrubber: Scrubber
  /** Which blobs were read to be hashed. */
  readonly read: string[]
}

function scrubberOver(
  objects: ObjectStore,
  sources: RepairSource[] = [],
  onRead: (key: string) => unknown = () => undefined,
): ScrubberOver {
  const read: string[] = []
  const seen: ObjectStore = {
    ...objects,
    async get(key, options) {
      if (options?.isFresh) {
        read.push(key)
        onRead(key)
      }
      return await objects.get(key, options)
    },
  }
  const integrity = createIntegrity(seen)
  const content = createContentStore(seen, { integrity })
  return { read, scrubber: createScrubber({ objects: seen, integrity, content, sources, log: silentLog }) }
}

async function flip(objects: ObjectStore, n: number, at: number): Promise<void> {
  const bytes = Buffer.from(contents[n]!)
  bytes[at % bytes.length]! ^= 1 << (at % 8)
  const key = blobKey(digests[n]!)
  await objects.putIfMatch(key, (await objects.head(key))!.etag, bytes)
}

/** One that has what `has` says. */
function sourceOf(objects: ObjectStore, has: (n: number) => boolean): RepairSource {
  const content = createContentStore(objects)
  return {
    async bring({ repository, content: lost }) {
      const n = digests.indexOf(lost.digest)
      if (!has(n)) return false
      await storeBlob(content.repository(repository), lost, contents[n]!)
      return true
    },
  }
}

describe('a scrub', () => {
  it('finds each flipped byte, takes it out of service and mends what can be had again', async () => {
    const flips = fc.uniqueArray(fc.nat({ max: contents.length - 1 }))
    await fc.assert(
      fc.asyncProperty(flips, fc.nat({ max: 1000 }), flips, async (flipped, at, had) => {
        const has = (n: number): boolean => had.includes(n)
        const objects = await filled()
        for (const n of flipped) await flip(objects, n, at)
        const { scrubber } = scrubberOver(objects, [sourceOf(objects, has)])
        const { troubles, ...tally } = await scrubber.scrubNow({}, noProgress)
        expect(tally).toMatchObject({ blobs: contents.length, damaged: flipped.length, unreadable: 0 })
        const missed = new Set(flipped.filter((n) => !has(n)).map((n) => digests[n]))
        expect(new Map(troubles.map(({ digest, isSettled }) => [digest, isSettled]))).toEqual(
          new Map(flipped.map((n) => [digests[n], has(n)])),
        )
        expect(new Set(await Array.fromAsync(scrubber.mender.missed()))).toEqual(missed)
        const again = await scrubber.scrubNow({}, noProgress)
        expect(again).toMatchObject({ blobs: contents.length - missed.size, damaged: 0 })
        expect(new Set(again.troubles.map(({ digest }) => digest))).toEqual(missed)
        expect(again.troubles.every(({ isSettled }) => !isSettled)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  it('tells of damage that an earlier process found until the right bytes are there again', async () => {
    const objects = await filled()
    await flip(objects, 3, 5)
    await scrubberOver(objects).scrubber.scrubNow({}, noProgress)
    const scrub = async () => (await scrubberOver(objects).scrubber.scrubNow({}, noProgress)).troubles
    const told = { digest: digests[3], kind: 'damaged', says: expect.stringContaining('push it again') as string }
    expect(await scrub()).toEqual([{ ...told, isSettled: false }])
    await storeBlob(createContentStore(objects).repository('b/c'), blobOf(contents[3]!), contents[3]!)
    expect(await scrub()).toEqual([])
  })

  it('says how far it is', async () => {
    const { scrubber } = scrubberOver(await filled())
    const bytesTotal = contents.reduce((sum, { length }) => sum + length, 0)
    const told: unknown[] = []
    await scrubber.scrubNow({}, { ...noProgress, onProgress: ({ blobs, bytes }) => told.push([blobs, bytes]) })
    expect(told.at(-1)).toEqual([contents.length, bytesTotal])
  })

  it('goes on behind what cannot be read, and ends if nothing can be', async () => {
    const objects = await filled()
    const failing = (keys: readonly string[]) => (key: string) => {
      if (keys.includes(key)) throw new Fault('unavailable', 'the disk says EIO')
    }
    const bad = [digests[3]!, digests[7]!]
    const some = scrubberOver(objects, [], failing(bad.map(blobKey)))
    const { unreadable, troubles } = await some.scrubber.scrubNow({}, noProgress)
    expect(unreadable).toBe(2)
    expect(new Set(troubles)).toEqual(
      new Set(bad.map((digest) => ({ digest, kind: 'unreadable', says: 'the disk says EIO', isSettled: false }))),
    )
    const all = scrubberOver(objects, [], failing(digests.map(blobKey)))
    await expect(all.scrubber.scrubNow({}, noProgress)).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('a scrub in the background', () => {
  const endless = { bytesPerSecond: 1e12, everyMs: 3600_000 }

  it('goes on where the process before it was stopped', async () => {
    const objects = await filled()
    const stop = new AbortController()
    const first = scrubberOver(objects, [], () => first.read.length === 5 && stop.abort())
    await first.scrubber.scrub({ ...endless, signal: stop.signal })
    const second = scrubberOver(objects)
    const over = new AbortController()
    const scrubbing = second.scrubber.scrub({ ...endless, signal: over.signal })
    await expect
      .poll(async () => (await scrubStates(objects).get(stateName))?.last)
      .toMatchObject({
        tally: { blobs: contents.length, damaged: 0 },
      })
    over.abort()
    await scrubbing
    // The one over which it was stopped is read again.
    expect([...first.read.slice(0, 4), ...second.read]).toEqual(digests.map(blobKey).toSorted())
    expect(second.scrubber.samples().map(({ metric }) => metric.name)).toContain(
      'stowage_scrub_last_pass_timestamp_seconds',
    )
  })

  it('is done by one process at a time', async () => {
    const objects = await filled()
    const over = new AbortController()
    const both = [scrubberOver(objects), scrubberOver(objects)]
    const scrubbing = both.map(({ scrubber }) => scrubber.scrub({ ...endless, signal: over.signal }))
    await expect.poll(async () => (await scrubStates(objects).get(stateName))?.last).toBeTruthy()
    over.abort()
    await Promise.all(scrubbing)
    expect(both.map(({ read }) => read.length).toSorted((a, b) => a - b)).toEqual([0, contents.length])
  })

  it('begins anew where what it wrote down is damaged', async () => {
    const objects = await filled()
    await objects.putIfAbsent('scrub/state.json', Buffer.from('{"vers'))
    const over = new AbortController()
    const scrubbing = scrubberOver(objects).scrubber.scrub({ ...endless, signal: over.signal })
    await expect
      .poll(() =>
        scrubStates(objects)
          .get(stateName)
          .catch(() => undefined),
      )
      .toMatchObject({ pass: null, last: { tally: { blobs: contents.length } } })
    over.abort()
    await scrubbing
  })

  it('keeps its turn over a blob that takes long', async () => {
    const objects = await filled()
    let time = 0
    const isKept: boolean[] = []
    const slow: ObjectStore = {
      ...objects,
      async get(key, options) {
        const object = await objects.get(key, options)
        if (!object || !options?.isFresh) return object
        const bytes = Buffer.concat(await Array.fromAsync(object.bytes))
        return {
          info: object.info,
          bytes: (async function* () {
            for (const byte of bytes.subarray(0, 20)) {
              time += 5 * 60_000
              isKept.push(((await scrubStates(objects).get(stateName))?.pass?.until ?? 0) >= time)
              yield Buffer.of(byte)
            }
            yield bytes.subarray(20)
          })(),
        }
      },
    }
    const integrity = createIntegrity(slow)
    const content = createContentStore(slow, { integrity })
    const scrubber = createScrubber({
      objects: slow,
      integrity,
      content,
      sources: [],
      log: silentLog,
      now: () => time,
    })
    const over = new AbortController()
    const scrubbing = scrubber.scrub({ ...endless, everyMs: Infinity, signal: over.signal })
    await expect.poll(async () => (await scrubStates(objects).get(stateName))?.last).toBeTruthy()
    over.abort()
    await scrubbing
    expect(new Set(isKept)).toEqual(new Set([true]))
  })

  it('gives damaged bytes up where the right ones find no room beside them', async () => {
    const objects = await filled()
    await flip(objects, 3, 5)
    const source = sourceOf(objects, () => true)
    const full: RepairSource = {
      async bring(lost) {
        if (await objects.head(quarantineKey(lost.content.digest))) throw new Fault('no-space', 'the disk is full')
        return await source.bring(lost)
      },
    }
    const { troubles } = await scrubberOver(objects, [full]).scrubber.scrubNow({}, noProgress)
    expect(troubles).toMatchObject([{ digest: digests[3], isSettled: true }])
  })

  it('has what is damaged brought back, now or when its source is there again', async () => {
    const objects = await filled()
    await flip(objects, 4, 3)
    let isAway = true
    const source = sourceOf(objects, () => true)
    const away: RepairSource = {
      bring: (...lost) => {
        if (isAway) throw new Fault('unavailable', 'upstream is away')
        return source.bring(...lost)
      },
    }
    const over = new AbortController()
    const { scrubber } = scrubberOver(objects, [away])
    const mending = scrubber.mend(over.signal)
    await scrubber.scrubNow({}, noProgress)
    await expect
      .poll(() => scrubber.samples().find(({ metric }) => metric.name === 'stowage_missed_blobs')?.value)
      .toBe(1)
    over.abort()
    await mending
    isAway = false
    const later = scrubberOver(objects, [away]).scrubber
    const end = new AbortController()
    const again = later.mend(end.signal)
    await expect.poll(() => later.samples().find(({ metric }) => metric.name === 'stowage_missed_blobs')?.value).toBe(0)
    end.abort()
    await again
    expect(await objects.head(blobKey(digests[4]!))).toBeDefined()
  })
})
