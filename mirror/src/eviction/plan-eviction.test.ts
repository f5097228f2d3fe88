import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf, type Digest } from '../oci/digest.ts'
import { planEviction, type EvictionInput, type PulledImage } from './plan-eviction.ts'

const now = 1_000_000
const rules = { budgetBytes: Infinity, keepSupersededMs: 10_000, recentMs: 100 }
const nothing = { keptElsewhere: new Set<Digest>(), rules, shortBytes: 0, now }

const letters = ['a', 'b', 'c', 'd', 'e', 'f']

/** Sizes by names; equal names are equal bytes. */
function image(
  name: string,
  ageMs: number,
  content: Readonly<Record<string, number>>,
  { repository = 'hub/a', supersededMs }: { repository?: string; supersededMs?: number } = {},
): PulledImage {
  return {
    repository,
    root: digestOf(name),
    usedAt: now - ageMs,
    supersededAt: supersededMs === undefined ? undefined : now - supersededMs,
    content: new Map(Object.entries(content).map(([blob, size]) => [digestOf(blob), size])),
  }
}

const goes = (input: Partial<EvictionInput> & Pick<EvictionInput, 'images'>) => {
  const { evictions, ...sums } = planEviction({ ...nothing, ...input })
  return [evictions.map((one) => [one.image.root.slice(7, 11), one.reason, one.bytes]), sums] as const
}
const named = (name: string): string => digestOf(name).slice(7, 11)

describe('eviction', () => {
  const old = image('old', 5000, { a: 100, base: 1000 })
  const middle = image('middle', 3000, { b: 200, base: 1000 })
  const young = image('young', 1000, { c: 300 }, { repository: 'hub/b' })
  const images = [young, old, middle]

  it('takes nothing without a reason', () => {
    expect(goes({ images })).toEqual([[], { pulledBytes: 1600, leftBytes: 1600, stillShortBytes: 0 }])
    expect(goes({ images, rules: { ...rules, budgetBytes: 1600 } })[0]).toEqual([])
  })

  it('takes what nobody asked for longest until the budget is kept; shared bytes go with the last who need them', () => {
    const within = (budgetBytes: number) => goes({ images, rules: { ...rules, budgetBytes } })
    expect(within(1590)[0]).toEqual([[named('old'), 'budget', 100]])
    expect(within(1400)).toEqual([
      [
        [named('old'), 'budget', 100],
        [named('middle'), 'budget', 1200],
      ],
      { pulledBytes: 1600, leftBytes: 300, stillShortBytes: 0 },
    ])
    expect(within(0)[1].leftBytes).toBe(0)
  })

  it('makes room on the disk, and says how much of it cannot be made', () => {
    expect(goes({ images, shortBytes: 50 })[0]).toEqual([[named('old'), 'room', 100]])
    expect(goes({ images, shortBytes: 5000 })[1]).toEqual({ pulledBytes: 1600, leftBytes: 0, stillShortBytes: 3400 })
  })

  it('makes room for a blob that was refused, and takes nothing for one that does not fit whatever goes', () => {
    expect(goes({ images, shortWithRefusedBytes: 1300 })[0]).toHaveLength(2)
    expect(goes({ images, shortWithRefusedBytes: 1600 })[0]).toHaveLength(3)
    const none = { pulledBytes: 1600, leftBytes: 1600, stillShortBytes: 1 }
    expect(goes({ images, shortWithRefusedBytes: 1601 })).toEqual([[], none])
    const some = [[named('old'), 'room', 100]]
    expect(goes({ images, shortBytes: 50, shortWithRefusedBytes: 1601 })[0]).toEqual(some)
  })

  it('does not count what others keep, which does not become free', () => {
    const keptElsewhere = new Set([digestOf('base')])
    expect(goes({ images, keptElsewhere })[1].pulledBytes).toBe(600)
    expect(goes({ images, keptElsewhere, rules: { ...rules, budgetBytes: 600 } })[0]).toEqual([])
    expect(goes({ images, keptElsewhere, shortBytes: 200 })[0].map(([, , bytes]) => bytes)).toEqual([100, 200])
  })

  it('leaves what was asked for a moment ago, whatever that costs', () => {
    const recent = [image('recent', 99, { a: 100 }), image('future', -5000, { b: 100 })]
    expect(goes({ images: recent, rules: { ...rules, budgetBytes: 0 }, shortBytes: 10 })).toEqual([
      [],
      { pulledBytes: 200, leftBytes: 200, stillShortBytes: 10 },
    ])
  })

  it.each([
    ['goes after its time', 20_000, 10_000, true],
    ['stays until then', 20_000, 9_999, false],
    ['stays as long as it is asked for', 500, 20_000, false],
  ])('of an image whose tag means something else %s', (_, ageMs, supersededMs, isGone) => {
    const before = image('before', ageMs, { a: 100 }, { supersededMs })
    expect(goes({ images: [before, image('now', ageMs, { b: 10 })] })[0]).toEqual(
      isGone ? [[named('before'), 'superseded', 100]] : [],
    )
  })

  it('keeps any budget with what is not recent, takes the older before the younger, and no more than is needed', () => {
    const anyImage = fc.record({
      name: fc.string({ maxLength: 3 }),
      ageMs: fc.nat({ max: 10_000 }),
      content: fc.dictionary(fc.constantFrom(...letters), fc.constant(100)),
    })
    const property = fc.property(
      fc.uniqueArray(anyImage, { selector: ({ name }) => name, maxLength: 8 }),
      fc.nat({ max: 800 }),
      fc.nat({ max: 800 }),
      fc.subarray(letters),
      (made, budgetBytes, shortBytes, kept) => {
        const all = made.map(({ name, ageMs, content }) => image(name, ageMs, content))
        const keptElsewhere = new Set(kept.map((name) => digestOf(name)))
        const plan = planEviction({ images: all, keptElsewhere, rules: { ...rules, budgetBytes }, shortBytes, now })
        const gone = new Set(plan.evictions.map((one) => one.image))
        const left = all.filter((one) => !gone.has(one))
        const bytesIn = (some: readonly PulledImage[]): number =>
          [...new Set(some.flatMap(({ content }) => [...content.keys()]))].filter((one) => !keptElsewhere.has(one))
            .length * 100
        expect([plan.pulledBytes, plan.leftBytes]).toEqual([bytesIn(all), bytesIn(left)])
        const old = left.filter(({ usedAt }) => now - usedAt >= rules.recentMs)
        if (old.length > 0) {
          expect(plan.leftBytes).toBeLessThanOrEqual(budgetBytes)
          expect(plan.stillShortBytes).toBe(0)
        }
        const youngestGone = Math.max(...plan.evictions.map((one) => one.image.usedAt), -Infinity)
        for (const one of old) expect(one.usedAt).toBeGreaterThanOrEqual(youngestGone)
        const last = plan.evictions.at(-1)
        if (!last) return
        const before = plan.leftBytes + last.bytes
        const isOver = plan.pulledBytes > budgetBytes && before > budgetBytes * 0.95
        expect(isOver || plan.pulledBytes - before < shortBytes).toBe(true)
      },
    )
    fc.assert(property, { numRuns: 500 })
  })
})
