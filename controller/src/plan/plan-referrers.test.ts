import { describe, expect, it } from 'vitest'
import { listedImage } from '../api/image-list.ts'
import { referrersRecord, type ReferrersRecord } from '../memory/referrers-record.ts'
import type { Resolution } from '../memory/resolution.ts'
import { aRoot, mirrored } from '../testing/world.ts'
import { planReferrers, type ReferrersInput } from './plan-referrers.ts'

const hour = 3600_000
const day = 24 * hour
const now = 100 * day
const name = 'docker.io/library/nginx:1'
const amd64 = { os: 'linux', architecture: 'amd64' }
const arm64 = { os: 'linux', architecture: 'arm64' }

interface Situation extends Partial<Omit<ReferrersInput, 'wants' | 'resolutions'>> {
  readonly resolution?: Resolution
  readonly record?: ReferrersRecord
  readonly platforms?: readonly (typeof amd64)[]
  readonly isSuspended?: boolean
}

function plan({ resolution, record, platforms = [amd64], isSuspended = false, ...more }: Situation) {
  const way = { secrets: [], refreshSince: 0, refreshMs: Infinity, isOnce: false, isSuspended }
  const want = { ...listedImage(name), platforms, ...way }
  const resolutions = new Map(resolution ? [[name, resolution]] : [])
  const records = new Map(record ? [[name, record]] : [])
  return planReferrers({
    wants: new Map([[name, want]]),
    resolutions,
    records,
    inFlight: new Set(),
    retryAt: new Map(),
    now,
    ...more,
  })
}

/** An image for which that was done so long ago. */
function askedAgo(ms: number, of = mirrored('v1')) {
  return { resolution: mirrored('v1'), record: referrersRecord(of.mirrored!, now - ms) }
}

const moved: Resolution = { ...mirrored('v1'), target: aRoot('v2') }
const onlyArm: Resolution = {
  ...mirrored('v1'),
  mirrored: { root: aRoot('v1'), platforms: [{ platform: 'linux/arm64', bytes: 1 }] },
}

describe('what speaks of an image', () => {
  it.each<[string, Situation, boolean]>([
    ['is not looked for before the image is mirrored', {}, false],
    ['is looked for when the image is mirrored', { resolution: mirrored('v1') }, true],
    ['is not looked for while a newer one comes', { resolution: moved }, false],
    ['is not looked for while another platform comes', { resolution: onlyArm, platforms: [amd64, arm64] }, false],
    ['is left alone for a while', askedAgo(20 * hour), false],
    ['is looked for again a day later', askedAgo(28 * hour), true],
    ['is looked for again by a clock that was set back', askedAgo(-hour), true],
    ['is looked for when the image is another one', askedAgo(hour, mirrored('v2')), true],
    ['is looked for when the image is there for more platforms', askedAgo(hour, onlyArm), true],
    ['is not looked for twice at a time', { resolution: mirrored('v1'), inFlight: new Set([name]) }, false],
    ['is not looked for while all who want it are suspended', { resolution: mirrored('v1'), isSuspended: true }, false],
    ['waits after a failed try', { resolution: mirrored('v1'), retryAt: new Map([[name, now + 1]]) }, false],
    [
      'is not put off by a clock that was set back after that',
      { resolution: mirrored('v1'), retryAt: new Map([[name, now + 30 * day]]) },
      true,
    ],
    ['is tried again then', { resolution: mirrored('v1'), retryAt: new Map([[name, now]]) }, true],
  ])('%s', (_, situation, isDue) => {
    expect(plan(situation).due.map((want) => want.name)).toEqual(isDue ? [name] : [])
  })

  it('is not looked for any more when nobody wants the image, or not now', () => {
    const inFlight = new Set([name, 'docker.io/library/gone:1'])
    expect(plan({ inFlight }).cancel).toEqual(['docker.io/library/gone:1'])
    expect(plan({ inFlight, isSuspended: true }).cancel).toEqual([...inFlight])
  })

  it('says when it is to be looked for next', () => {
    expect(plan({}).nextAt).toBe(Infinity)
    expect(plan({ resolution: mirrored('v1'), retryAt: new Map([[name, now + 5]]) }).nextAt).toBe(now + 5)
    const { nextAt } = plan(askedAgo(0))
    expect(nextAt - now).toBeGreaterThanOrEqual(0.9 * day)
    expect(nextAt - now).toBeLessThanOrEqual(1.1 * day)
  })
})
