import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DesiredSet } from '@stowage/mirror/edge/set'
import { digestOf, type Digest } from '@stowage/mirror/oci/digest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import type { RuntimeImage } from '../runtime/runtime.ts'
import type { Wish } from '../state/wishes.ts'
import { nextWishes, planRemovals } from './removal.ts'
import type { KnownEntry } from './wanted.ts'

const v1 = digestOf('v1')
const v2 = digestOf('v2')

function setOf(names: readonly string[], unresolved: readonly string[] = [], digest: Digest = v1): DesiredSet {
  return {
    images: names.map((name) => ({ name, root: { mediaType: mediaTypes.manifest, digest, size: 1 } })),
    unresolved,
  }
}

function entryOf(uid: string, set: DesiredSet | 'none' | 'unknown', removal: 'keep' | 'remove' = 'keep'): KnownEntry {
  const digest = set === 'none' ? null : digestOf(JSON.stringify(set))
  return {
    entry: { cache: { namespace: 'n', name: uid, uid }, list: 0, set: digest, removal },
    set: typeof set === 'string' ? undefined : set,
  }
}

const wish = (name: string, cache: string, removal: 'keep' | 'remove' = 'keep'): Wish => ({
  name,
  cache,
  digest: v1,
  removal,
})

function present(...images: RuntimeImage[]): Map<string, RuntimeImage> {
  return new Map(images.map((image) => [image.name, image]))
}
const ours = (name: string): RuntimeImage => ({ name, digest: v1, owned: true })

/** What becomes of image `a`, which cache `A` once named, when these entries come. */
function fateOf(
  remembered: readonly Wish[],
  ...steps: KnownEntry[][]
): 'kept' | 'removed' | 'removed later' | 'forgotten' {
  let wishes: readonly Wish[] = remembered
  for (const entries of steps) wishes = nextWishes(wishes, entries)
  const { remove, removeLater, forget } = planRemovals(wishes, steps.at(-1) ?? [], present(ours('a')))
  if (remove.includes('a')) return 'removed'
  if (removeLater.includes('a')) return 'removed later'
  return forget.includes('a') ? 'forgotten' : 'kept'
}

describe('what becomes of an image', () => {
  const once = [wish('a', 'A')]
  const cases: [string, ReturnType<typeof fateOf>, Wish[], KnownEntry[][]][] = [
    ['still named', 'kept', once, [[entryOf('A', setOf(['a']))]]],
    ['gone from a living set', 'removed', once, [[entryOf('A', setOf(['b']))]]],
    [
      'gone from a set of which another image has no digest yet',
      'removed later',
      once,
      [[entryOf('A', setOf([], ['b']))]],
    ],
    [
      'gone from a set, and an image of another cache has no digest yet',
      'removed',
      once,
      [[entryOf('A', setOf([])), entryOf('B', setOf([], ['b']))]],
    ],
    ['gone with its cache, which keeps', 'forgotten', once, [[]]],
    ['gone with its cache, which removes', 'removed', [wish('a', 'A', 'remove')], [[]]],
    ['the node is selected no more', 'removed', once, [[entryOf('A', 'none')]]],
    ['withdrawn, and the cache is gone before it was done', 'removed', once, [[entryOf('A', 'none')], []]],
    ['withdrawn while another set cannot be read', 'kept', once, [[entryOf('A', 'none'), entryOf('B', 'unknown')]]],
    [
      'withdrawn while another set could not be read, known later',
      'removed',
      once,
      [[entryOf('A', 'none'), entryOf('B', 'unknown')], [entryOf('B', setOf(['b']))]],
    ],
    ['unresolved for now', 'kept', once, [[entryOf('A', setOf([], ['a']))]]],
    ['unresolved for another cache', 'kept', once, [[entryOf('A', setOf([])), entryOf('B', setOf([], ['a']))]]],
    ['wanted by another cache', 'kept', once, [[entryOf('B', setOf(['a']))]]],
    ['its set cannot be read', 'kept', once, [[entryOf('A', 'unknown')]]],
    ['dropped by a list whose cache is gone later', 'removed', once, [[entryOf('A', setOf(['b']))], []]],
    ['dropped and named again', 'kept', once, [[entryOf('A', setOf([]))], [entryOf('A', setOf(['a']))]]],
    [
      'dropped by one, kept by the other, whose cache then goes',
      'forgotten',
      [wish('a', 'A'), wish('a', 'B')],
      [[entryOf('A', setOf([])), entryOf('B', setOf(['a']))], [entryOf('A', setOf([]))]],
    ],
    ['never named by any set', 'kept', [], [[entryOf('A', setOf(['b']))]]],
    ['its cache changed its mind about removing', 'removed', once, [[entryOf('A', setOf(['a']), 'remove')], []]],
  ]
  it.each(cases)('%s: %s', (_, fate, remembered, steps) => {
    expect(fateOf(remembered, ...steps)).toBe(fate)
  })

  it('leaves a name alone that has come to mean what no set ever meant', () => {
    const foreign = present({ name: 'a', digest: v2, owned: false })
    expect(planRemovals([wish('a', 'A', 'remove')], [], foreign)).toEqual({
      remove: [],
      removeLater: [],
      forget: ['a'],
    })
  })

  it('removes what others brought, if a set named it', () => {
    const foreign = present({ name: 'a', digest: v1, owned: false })
    expect(planRemovals([wish('a', 'A', 'remove')], [], foreign)).toEqual({
      remove: ['a'],
      removeLater: [],
      forget: [],
    })
  })
})

describe('for any caches', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd')
  const names = fc.uniqueArray(name, { maxLength: 4 })
  const uid = fc.constantFrom('A', 'B', 'C')
  const set = fc.record({ images: names, unresolved: names }).map((s) => setOf(s.images, s.unresolved))
  const entry = fc
    .tuple(uid, fc.oneof(set, fc.constantFrom('none' as const, 'unknown' as const)), fc.constantFrom('keep', 'remove'))
    .map(([id, what, removal]) => entryOf(id, what, removal))
  const entries = fc.array(entry, { maxLength: 4 })
  const wishes = fc.uniqueArray(
    fc.tuple(name, uid, fc.constantFrom('keep' as const, 'remove' as const)).map((w) => wish(...w)),
    { selector: (w) => `${w.name} ${w.cache}` },
  )
  const everything = present(...['a', 'b', 'c', 'd'].map(ours))

  it('never removes or forgets a name that is wanted or unresolved', () => {
    fc.assert(
      fc.property(wishes, entries, (before, now) => {
        const { remove, removeLater, forget } = planRemovals(nextWishes(before, now), now, everything)
        const needed = new Set(
          now.flatMap(({ set: s }) => [...(s?.images.map((i) => i.name) ?? []), ...(s?.unresolved ?? [])]),
        )
        expect([...remove, ...removeLater, ...forget].filter((gone) => needed.has(gone))).toEqual([])
      }),
    )
  })

  it('removes only what some set named once', () => {
    fc.assert(
      fc.property(wishes, fc.array(entries, { minLength: 1, maxLength: 3 }), (before, steps) => {
        const named = new Set(before.map((w) => w.name))
        let now: readonly Wish[] = before
        for (const step of steps) {
          for (const image of step.flatMap((e) => e.set?.images ?? [])) named.add(image.name)
          now = nextWishes(now, step)
        }
        const { remove, removeLater } = planRemovals(now, steps.at(-1) ?? [], everything)
        expect([...remove, ...removeLater].filter((n) => !named.has(n))).toEqual([])
      }),
    )
  })

  it('comes to rest: the same entries again change nothing', () => {
    fc.assert(
      fc.property(wishes, entries, (before, now) => {
        const once = nextWishes(before, now)
        const sorted = (list: Wish[]): string[] => list.map((w) => JSON.stringify(w)).toSorted()
        expect(sorted(nextWishes(once, now))).toEqual(sorted(once))
      }),
    )
  })
})
