import { describe, expect, it } from 'vitest'
import { createCentreClock } from './centre-clock.ts'

function open(): {
  clock: ReturnType<typeof createCentreClock>
  own: { at: number; passed: number }
  changes: () => number
} {
  const own = { at: 0, passed: 50 }
  let changes = 0
  const clock = createCentreClock({ now: () => own.at, monotonicNow: () => own.passed, onChange: () => (changes += 1) })
  return { clock, own, changes: () => changes }
}

describe("the centre's clock, as a node knows it", () => {
  it('is not known before the centre was heard of', () => {
    expect(open().clock.now()).toBeUndefined()
  })

  it('is what the centre says, whatever the node believes and is set to', () => {
    const { clock, own } = open()
    clock.heard(1_800_000_000_000)
    own.passed += 60_000
    own.at = 1_900_000_000_000
    expect(clock.now()).toBe(1_800_000_060_000)
  })

  it('is what the node believes if the centre says nothing of it, and follows it', () => {
    const { clock, own, changes } = open()
    own.at = 5000
    clock.heard(undefined)
    expect(clock.now()).toBe(5000)
    own.at = 1_900_000_000_000
    clock.heard(undefined)
    expect([clock.now(), changes()]).toEqual([1_900_000_000_000, 2])
  })

  it('does not tremble with each answer', () => {
    const { clock, own, changes } = open()
    clock.heard(1_800_000_000_000)
    own.passed += 10_000
    clock.heard(1_800_000_009_000)
    expect([clock.now(), changes()]).toEqual([1_800_000_010_000, 1])
    clock.heard(1_800_000_020_000)
    expect([clock.now(), changes()]).toEqual([1_800_000_020_000, 2])
  })
})
