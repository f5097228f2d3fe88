import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import { readObject } from '@stowage/mirror/store/read-object'
import { Fault } from '@stowage/mirror/oci/fault'
import { pino } from 'pino'
import { beforeEach, describe, expect, it } from 'vitest'
import { claimForCentre, type CentreClaim, type Claimant } from './centre-claim.ts'

const log = pino({ level: 'silent' })
const timing = { renewEveryMs: 20, endsAfterMs: 200 }
const { signal: never } = new AbortController()
const one: Claimant = { host: 'one', pid: 1, space: 'of one' }
const other: Claimant = { host: 'other', pid: 1, space: 'of the other' }
let objects: ObjectStore

beforeEach(() => {
  objects = createMemoryStore()
})

const place = 's3://images/north'
const claim = (claimant: Claimant, over: ObjectStore = objects): Promise<CentreClaim> =>
  claimForCentre(over, { place, log, signal: never, claimant, timing })

describe('a centre', () => {
  it('takes no bucket that another one uses, and says which one that is', async () => {
    await using first = await claim(one)
    const stop = new AbortController()
    const keeping = first.keep(stop.signal)
    await expect(claim(other)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringMatching(
        /s3:\/\/images\/north: another centre uses it, process 1 on one; stop it/,
      ) as string,
    })
    stop.abort()
    await keeping
  })

  it('takes one at once that another one left', async () => {
    await (await claim(one))[Symbol.asyncDispose]()
    await using _ = await claim(other)
  })

  it('takes one after a while whose centre is not heard of', async () => {
    await claim(one)
    await using _ = await claim(other)
  })

  it('takes one at once whose centre was killed beside it', async () => {
    const patient = { place, log, signal: never, timing: { ...timing, endsAfterMs: 600_000 } }
    await claimForCentre(objects, { ...patient, claimant: { ...one, pid: 2 ** 22 + 1 } })
    await using _first = await claimForCentre(objects, { ...patient, claimant: one })
    await using _second = await claimForCentre(objects, { ...patient, claimant: one })
  })

  it('ends when another one took its bucket', async () => {
    await using first = await claim(one)
    await using _ = await claim(other)
    await expect(first.keep(never)).rejects.toMatchObject({ code: 'conflict' })
  })

  it('outlives a service that is away', async () => {
    let refusals = 0
    const flaky: ObjectStore = {
      ...objects,
      putIfMatch: (...args) =>
        refusals++ < 3 ? Promise.reject(new Fault('unavailable', 'away')) : objects.putIfMatch(...args),
    }
    await using first = await claim(one, flaky)
    const stop = new AbortController()
    const keeping = first.keep(stop.signal)
    const etag = async () => (await objects.head('controller/claim'))?.etag
    const before = await etag()
    await expect.poll(etag).not.toBe(before)
    expect(refusals).toBeGreaterThan(3)
    stop.abort()
    await keeping
  })

  it('is known by its process, if nobody says who it is', async () => {
    await using _ = await claimForCentre(objects, { place, log, signal: never })
    await using _again = await claimForCentre(objects, { place, log, signal: never })
    expect(JSON.parse(String((await readObject(objects, 'controller/claim'))?.bytes))).toMatchObject({
      pid: process.pid,
    })
  })
})
