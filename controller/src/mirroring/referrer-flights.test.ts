import { hexOf } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { parsePlatform } from '@stowage/mirror/oci/platform'
import { describe, expect, it } from 'vitest'
import { listedImage } from '../api/image-list.ts'
import { openCentreMemory } from '../memory/centre-memory.ts'
import type { Want } from '../plan/plan-wants.ts'
import { createFakeUpstream } from '../testing/fake-upstream.ts'
import { createRecordingMeter } from '../testing/recording-meter.ts'
import { silentLog } from '../testing/silent-log.ts'
import { createImageFlights } from './image-flights.ts'
import { createRequestQueues } from './request-queues.ts'
import { createReferrerFlights } from './referrer-flights.ts'

const place = 'docker.io/library/nginx'
const name = `${place}:1`
const want: Want = {
  ...listedImage('nginx:1'),
  platforms: [parsePlatform('linux/amd64')],
  secrets: [],
  refreshSince: 0,
  refreshMs: Infinity,
  isOnce: false,
  isSuspended: false,
}

/** A centre that has mirrored one image for one platform. */
async function openScene() {
  const store = createMemoryStore()
  const upstream = createFakeUpstream()
  const meter = createRecordingMeter()
  const { resolutions, referrers: records } = await openCentreMemory(store)
  const content = createContentStore(store)
  const options = {
    content,
    resolutions,
    records,
    meter,
    log: silentLog,
    upstreamFor: upstream.upstreamFor,
    now: () => 1000,
    random: () => 0,
    onNews: () => undefined,
  }
  const root = upstream.push(place, '1', 'v1', ['linux/amd64', 'linux/arm64'])
  const images = createImageFlights({ ...options, queueFor: createRequestQueues(2) })
  images.start(want, { credentials: [], missing: [] })
  await expect.poll(() => images.all.size).toBe(0)
  const flights = createReferrerFlights(options)
  const landed = async () => {
    flights.start(want, { credentials: [] })
    await expect.poll(() => flights.all.size).toBe(0)
    return records.all.get(name)
  }
  const outcomes = (): number[] =>
    ['ok', 'failed'].map((outcome) => meter.sum('stowage_referrer_syncs_total', { registry: 'docker.io', outcome }))
  return { upstream, root, repository: content.repository(place), resolutions, records, flights, landed, outcomes }
}

describe('a look for what speaks of a mirrored image', () => {
  it('brings the signature, by the tag that it is found by, and notes when that was', async () => {
    const { upstream, root, repository, landed, outcomes } = await openScene()
    const signature = upstream.sign(place, root.digest, 'signed')
    const platforms = ['linux/amd64']
    expect(await landed()).toEqual({ version: 1, root: root.digest, platforms, at: 1000 })
    const found = await repository.manifest(`sha256-${hexOf(root.digest)}.sig`)
    expect(found?.digest).toBe(signature.digest)
    expect(outcomes()).toEqual([1, 0])
  })

  it('asks for that of the index and of the wanted platform, and fetches nothing of the image again', async () => {
    const { upstream, landed } = await openScene()
    upstream.asked.length = 0
    await landed()
    expect(upstream.asked).toHaveLength(2)
    expect(upstream.asked.every((what) => what.startsWith('referrers'))).toBe(true)
  })

  it('leaves the image as complete as it was when it fails, and waits longer each time', async () => {
    const { upstream, landed, flights, resolutions, outcomes } = await openScene()
    const before = resolutions.all.get(name)
    upstream.failReferrers(new Fault('conflict', 'not now'))
    expect(await landed()).toBeUndefined()
    expect(resolutions.all.get(name)).toBe(before)
    expect(flights.retryAt.get(name)).toBe(2000)
    await landed()
    expect(flights.retryAt.get(name)).toBe(3000)
    upstream.failReferrers(undefined)
    expect(await landed()).toMatchObject({ at: 1000 })
    expect(flights.retryAt.size).toBe(0)
    expect(outcomes()).toEqual([1, 2])
  })

  it('does not ask again and again for what is broken', async () => {
    const { upstream, landed, flights, outcomes } = await openScene()
    upstream.failReferrers(new Fault('invalid', 'nonsense'))
    expect(await landed()).toMatchObject({ at: 1000 })
    expect(flights.retryAt.size).toBe(0)
    expect(outcomes()).toEqual([0, 1])
  })

  it('ends when nobody wants the image any more, and is forgotten then', async () => {
    const { upstream, root, flights, records, landed, outcomes } = await openScene()
    await landed()
    upstream.sign(place, root.digest, 'signed')
    upstream.holdBlobs(new Promise(() => undefined))
    upstream.asked.length = 0
    flights.start(want, { credentials: [] })
    await expect.poll(() => upstream.asked.filter((what) => what.startsWith('blob')).length).toBeGreaterThan(0)
    flights.cancel(name)
    await expect.poll(() => flights.all.size).toBe(0)
    expect(outcomes()).toEqual([1, 0])
    await flights.forget(name)
    expect(records.all.size).toBe(0)
  })
})
