import { Fault, type FaultCode } from '@stowage/mirror/oci/fault'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { parsePlatform } from '@stowage/mirror/oci/platform'
import { beforeEach, describe, expect, it } from 'vitest'
import { listedImage } from '../api/image-list.ts'
import { openCentreMemory, type CentreMemory } from '../memory/centre-memory.ts'
import { mirroredBytes, type Resolution } from '../memory/resolution.ts'
import type { Want } from '../plan/plan-wants.ts'
import { createFakeUpstream, type FakeUpstream } from '../testing/fake-upstream.ts'
import { createRecordingMeter, type RecordingMeter } from '../testing/recording-meter.ts'
import { silentLog } from '../testing/silent-log.ts'
import { createImageFlights, type FlightCredentials, type ImageFlights } from './image-flights.ts'
import { createRequestQueues } from './request-queues.ts'

const name = 'docker.io/library/nginx:1'
const none: FlightCredentials = { credentials: [], missing: [] }
const credential = { username: 'u', password: 'p', origin: 'test' }

describe('a flight', () => {
  let store = createMemoryStore()
  let memory: CentreMemory
  let upstream: FakeUpstream
  let flights: ImageFlights
  let meter: RecordingMeter

  beforeEach(async () => {
    store = createMemoryStore()
    upstream = createFakeUpstream()
    meter = createRecordingMeter()
    await open()
  })

  async function open(): Promise<void> {
    memory = await openCentreMemory(store)
    flights = createImageFlights({
      content: createContentStore(store),
      queueFor: createRequestQueues(2),
      resolutions: memory.resolutions,
      upstreamFor: upstream.upstreamFor,
      now: () => 1000,
      random: () => 0,
      log: silentLog,
      meter,
      onNews: () => undefined,
    })
  }

  const want = (...platforms: string[]): Want => ({
    ...listedImage('nginx:1'),
    platforms: platforms.map(parsePlatform),
    secrets: [],
    refreshSince: 0,
    refreshMs: Infinity,
    isOnce: false,
    isSuspended: false,
  })
  const landed = async (wanted: Want, own = none): Promise<Resolution | undefined> => {
    flights.start(wanted, own)
    await expect.poll(() => flights.all.size).toBe(0)
    return memory.resolutions.all.get(name)
  }
  const bytesOn = (resolution: Resolution | undefined, platform: string) =>
    mirroredBytes(resolution?.mirrored ?? null, parsePlatform(platform))
  const blobsAsked = (): number => upstream.asked.filter((what) => what.startsWith('blob')).length

  it('brings the platforms that are wanted, and only them', async () => {
    const root = upstream.push('docker.io/library/nginx', '1', 'v1', ['linux/amd64', 'linux/arm64', 'linux/s390x'])
    const first = await landed(want('linux/amd64', 'linux/riscv64'))
    expect(first).toMatchObject({ target: { digest: root.digest }, checkedAt: 1000, fault: null })
    expect(bytesOn(first, 'linux/amd64')).toBeGreaterThan(0)
    expect(bytesOn(first, 'linux/riscv64')).toBe('absent')
    expect(bytesOn(first, 'linux/arm64')).toBeUndefined()
    const second = await landed(want('linux/arm64'))
    expect(bytesOn(second, 'linux/arm64')).toBeGreaterThan(0)
    expect(bytesOn(second, 'linux/amd64')).toBe(bytesOn(first, 'linux/amd64'))
    expect(blobsAsked()).toBe(4)
  })

  it('takes an image without an index for every platform', async () => {
    upstream.push('docker.io/library/nginx', '1', 'v1')
    expect(bytesOn(await landed(want('linux/amd64')), 'linux/s390x')).toBeGreaterThan(0)
  })

  it('costs one look-up when nothing moved', async () => {
    upstream.push('docker.io/library/nginx', '1', 'v1')
    const first = await landed(want('linux/amd64'))
    upstream.asked.length = 0
    expect((await landed(want('linux/amd64')))?.mirrored).toEqual(first?.mirrored)
    expect(upstream.asked).toEqual([`resolve ${name}`])
  })

  it('keeps the version before when the next one cannot be brought', async () => {
    const v1 = upstream.push('docker.io/library/nginx', '1', 'v1', ['linux/amd64'])
    await landed(want('linux/amd64'))
    const v2 = upstream.push('docker.io/library/nginx', '1', 'v2', ['linux/arm64'])
    const after = await landed(want('linux/amd64'))
    expect(after).toMatchObject({
      target: { digest: v2.digest },
      mirrored: { root: { digest: v1.digest } },
      fault: { code: 'not-found' },
    })
  })

  it('brings further platforms of the version that was looked up once', async () => {
    const both = ['linux/amd64', 'linux/arm64']
    const v1 = upstream.push('docker.io/library/nginx', '1', 'v1', both)
    await landed({ ...want('linux/amd64'), isOnce: true })
    upstream.push('docker.io/library/nginx', '1', 'v2', both)
    const after = await landed({ ...want(...both), isOnce: true })
    expect(after).toMatchObject({
      target: { digest: v1.digest },
      mirrored: { root: { digest: v1.digest } },
      fault: null,
    })
    expect(bytesOn(after, 'linux/arm64')).toBeGreaterThan(0)
  })

  it('waits longer after each fault, and forgets them with success', async () => {
    upstream.fail(new Fault('denied', 'no'))
    expect((await landed(want('linux/amd64')))?.fault).toMatchObject({
      code: 'denied',
      attempts: 1,
      at: 1000,
      retryAt: 31_000,
    })
    expect((await landed(want('linux/amd64')))?.fault).toMatchObject({ attempts: 2, retryAt: 61_000 })
    upstream.fail(new Fault('unavailable', 'slow down', { retryAfterMs: 99_000 }))
    expect((await landed(want('linux/amd64')))?.fault).toMatchObject({
      code: 'unavailable',
      attempts: 3,
      retryAt: 100_000,
    })
    upstream.fail(undefined)
    upstream.push('docker.io/library/nginx', '1', 'v1')
    expect((await landed(want('linux/amd64')))?.fault).toBeNull()
  })

  it('waits for its next try with a full disk, too', async () => {
    upstream.push('docker.io/library/nginx', '1', 'v1')
    const roomy = { ...store }
    store.putIfAbsent = () => Promise.reject(new Fault('no-space', 'disk full'))
    expect((await landed(want('linux/amd64')))?.fault).toMatchObject({ code: 'no-space', retryAt: 11_000 })
    expect((await openCentreMemory(roomy)).resolutions.all.size).toBe(0)
  })

  it('goes on after a restart with what came before', async () => {
    upstream.push('docker.io/library/nginx', '1', 'version one')
    upstream.holdBlobs(new Promise(() => undefined))
    flights.start(want('linux/amd64'), none)
    await expect.poll(() => flights.all.get(name)?.bytesDone).toBeGreaterThan(0)
    await flights[Symbol.asyncDispose]()
    expect(memory.resolutions.all.get(name)).toMatchObject({ mirrored: null, fault: null })
    upstream.holdBlobs(undefined)
    await open()
    expect(bytesOn(await landed(want('linux/amd64')), 'linux/amd64')).toBeGreaterThan(0)
  })

  it('knows whether credentials are others than at the last try', async () => {
    await landed(want())
    expect(flights.isNewCredentials(name, none)).toBe(false)
    expect(flights.isNewCredentials(name, { credentials: [{ key: 'docker.io', credential }], missing: [] })).toBe(true)
  })

  it.each<[FaultCode, withCredentials: boolean, isNew: boolean]>([
    ['denied', true, true],
    ['denied', false, false],
    ['not-found', true, true],
    ['unavailable', true, false],
  ])('takes credentials for new after a restart if they could help: %s, %s', async (code, withCredentials, isNew) => {
    upstream.fail(new Fault(code, 'no'))
    await landed(want())
    await open()
    const credentials = withCredentials ? [{ key: 'docker.io', credential }] : []
    expect(flights.isNewCredentials(name, { credentials, missing: [] })).toBe(isNew)
  })

  it('counts what came, what failed and why', async () => {
    const sums = (): number[] => [
      ...['unchanged', 'copied', 'failed'].map((outcome) =>
        meter.sum('stowage_image_syncs_total', { registry: 'docker.io', outcome }),
      ),
      meter.sum('stowage_image_sync_failures_total', { registry: 'docker.io', code: 'denied' }),
    ]
    const bytes = (): number => meter.sum('stowage_upstream_received_bytes_total', { registry: 'docker.io' })
    upstream.push('docker.io/library/nginx', '1', 'v1')
    const copied = await landed(want('linux/amd64'))
    expect([...sums(), bytes()]).toEqual([0, 1, 0, 0, bytesOn(copied, 'linux/amd64')])
    await landed(want('linux/amd64'))
    upstream.fail(new Fault('denied', 'no'))
    await landed(want('linux/amd64'))
    expect(sums()).toEqual([1, 1, 1, 1])
  })

  it('says which secrets were not there when it is denied', async () => {
    upstream.fail(new Fault('denied', 'upstream refuses'))
    const resolution = await landed(want('linux/amd64'), { credentials: [], missing: ['default/key'] })
    expect(resolution?.fault?.message).toBe(
      'upstream refuses; imagePullSecrets name default/key, and there is no such Secret',
    )
  })
})
