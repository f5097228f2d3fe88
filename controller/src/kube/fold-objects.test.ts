import { describe, expect, it } from 'vitest'
import { foldObjects, type FoldObjectsInput } from './fold-objects.ts'
import type { KubeObject } from './kube-object.ts'

const anObject = (name: string, metadata: object = {}): KubeObject => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: '1', ...metadata },
})
const mapOf = (...objects: KubeObject[]): Map<string, KubeObject> =>
  new Map(objects.map((object) => [object.metadata.name, object]))

const [a, b] = [anObject('a'), anObject('b')]
const bGoing = anObject('b', { deletionTimestamp: '2026-11-23T03:00:00Z' })

const fold = (listed: Map<string, KubeObject>, more: Partial<FoldObjectsInput> = {}, known = mapOf(a, b)): string[] => {
  const input = { listed, deleted: new Set<string>(), definition: 'there', isSettled: false, wasHeld: false } as const
  const { objects, kept } = foldObjects(known, { ...input, ...more })
  const words = [...objects.values()].map(
    ({ metadata }) => metadata.name + (metadata.deletionTimestamp ? ' going' : ''),
  )
  return [...words.toSorted(), ...kept.map((key) => `${key} kept`)]
}

describe('what is believed to be in a cluster', () => {
  it('is what is listed, with what came and without what was deleted', () => {
    expect(fold(mapOf(a, anObject('c')), { deleted: new Set(['uid-b']) })).toEqual(['a', 'c'])
    expect(fold(mapOf(a, bGoing))).toEqual(['a', 'b going'])
    expect(fold(new Map(), { deleted: new Set(['uid-a', 'uid-b']) })).toEqual([])
  })

  it('believes that one went while nobody looked, as long as others are there', () => {
    expect(fold(mapOf(a))).toEqual(['a'])
  })

  it('keeps all of them while their definition is going, or nobody can say whether it is', () => {
    for (const definition of ['going', 'unknown'] as const) {
      expect(fold(new Map(), { definition, deleted: new Set(['uid-a', 'uid-b']) })).toEqual([
        'a',
        'b',
        'a kept',
        'b kept',
      ])
      expect(fold(mapOf(a, bGoing), { definition })).toEqual(['a', 'b', 'b kept'])
    }
  })

  it('keeps all of them when all are gone without a word, until some are there again and no more come', () => {
    expect(fold(new Map())).toEqual(['a', 'b', 'a kept', 'b kept'])
    expect(fold(mapOf(a), { wasHeld: true })).toEqual(['a', 'b', 'b kept'])
    expect(fold(mapOf(a), { wasHeld: true, isSettled: true })).toEqual(['a'])
  })

  it('believes that all of them were deleted, seen or not, as long as their definition is the same', () => {
    expect(fold(new Map(), { definition: 'same' })).toEqual([])
    expect(fold(new Map(), { definition: 'same', wasHeld: true })).toEqual([])
    expect(fold(mapOf(bGoing), { definition: 'same' })).toEqual(['b going'])
  })

  it('keeps what went with a definition that was made anew, deletions or not, until no more come back', () => {
    const definition = 'replaced'
    expect(fold(new Map(), { definition, deleted: new Set(['uid-a', 'uid-b']), isSettled: true })).toEqual([
      'a',
      'b',
      'a kept',
      'b kept',
    ])
    expect(fold(mapOf(a), { definition })).toEqual(['a', 'b', 'b kept'])
    expect(fold(mapOf(a), { definition, isSettled: true })).toEqual(['a'])
    expect(fold(mapOf(a, bGoing), { definition })).toEqual(['a', 'b going'])
  })

  it('lets go what was going before its definition went', () => {
    expect(fold(mapOf(a), { deleted: new Set(['uid-b']) }, mapOf(a, bGoing))).toEqual(['a'])
  })
})
