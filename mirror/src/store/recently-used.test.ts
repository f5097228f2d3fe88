import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRecentlyUsed } from './recently-used.ts'

describe('a memory of limited weight', () => {
  it('forgets what was not asked for longest', () => {
    const memory = createRecentlyUsed<number>(3)
    for (const [key, value] of Object.entries({ a: 1, b: 2, c: 3 })) memory.set(key, value, 1)
    expect(memory.get('a')).toBe(1)
    memory.set('d', 4, 1)
    expect(['a', 'b', 'c', 'd'].map((key) => memory.get(key))).toEqual([1, undefined, 3, 4])
  })

  it('does not begin to keep what is too heavy, and forgets what was there under its name', () => {
    const memory = createRecentlyUsed<number>(3)
    memory.set('a', 1, 1)
    memory.set('b', 1, 1)
    memory.set('a', 2, 4)
    expect([memory.get('a'), memory.get('b')]).toEqual([undefined, 1])
  })

  it('never weighs more than it may, and never gives an old value', () => {
    const step = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd'), weight: fc.nat(6), isSet: fc.boolean() })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const memory = createRecentlyUsed<{ readonly weight: number }>(10)
        const latest = new Map<string, { readonly weight: number }>()
        for (const { key, weight, isSet } of steps) {
          if (isSet) {
            latest.set(key, { weight })
            memory.set(key, latest.get(key)!, weight)
          } else {
            latest.delete(key)
            memory.delete(key)
          }
          const kept = ['a', 'b', 'c', 'd'].map((name) => [name, memory.get(name)] as const)
          for (const [name, value] of kept) if (value) expect(value).toBe(latest.get(name))
          expect(kept.reduce((sum, [, value]) => sum + (value?.weight ?? 0), 0)).toBeLessThanOrEqual(10)
        }
      }),
    )
  })
})
