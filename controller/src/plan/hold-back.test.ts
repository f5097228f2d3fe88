import type { Assignment } from '@stowage/mirror/edge/assignment'
import { describe, expect, it } from 'vitest'
import { aRoot } from '../testing/world.ts'
import { holdBack, type HoldBackInput } from './hold-back.ts'

const told = (sets: (string | null)[], more: Partial<Assignment> = {}): Assignment => ({
  version: 1,
  node: 'n',
  epoch: 'e',
  sequence: 1,
  entries: sets.map((set, list) => ({
    cache: { namespace: 'default', name: 'a', uid: 'u' },
    list,
    set: set === null ? null : aRoot(set).digest,
    removal: 'keep',
  })),
  ...more,
})

describe('an assignment whose sets changed', () => {
  const change = (next: Assignment, more: Partial<HoldBackInput> = {}) =>
    holdBack([next], {
      previous: new Map([['n', told(['s1', 'x'])]]),
      publishedAt: new Map([['n', 1000]]),
      sizeOf: () => 100 * 1024,
      isBusy: true,
      now: 2000,
      ...more,
    })

  it.each<[string, Assignment, Partial<HoldBackInput>, number]>([
    ['waits while more is about to land', told(['s2', 'x']), {}, 101_000],
    ['is published when nothing else is', told(['s2', 'x']), { isBusy: false }, Infinity],
    ['is published after a while', told(['s2', 'x']), { now: 101_000 }, Infinity],
    ['is published if it is small', told(['s2', 'x']), { sizeOf: () => 2000 }, Infinity],
    ['is published when a list came', told(['s2', 'x', 'y']), {}, Infinity],
    ['is published when a list went', told(['s2', null]), {}, Infinity],
    ['is published when it is the first', told(['s2', 'x']), { previous: new Map() }, Infinity],
    ['is published after a restart', told(['s2', 'x']), { publishedAt: new Map() }, Infinity],
    ['waits five minutes at most', told(['s2', 'x']), { sizeOf: () => 1e9 }, 301_000],
    ['that is small is published', told(['s2', 'x']), { sizeOf: () => 2000, now: 1030 }, Infinity],
  ])('%s', (_, next, more, nextAt) => {
    expect(change(next, more)).toEqual({ publish: nextAt === Infinity ? [next] : [], nextAt })
  })

  it('waits the longer the more nodes there are to tell, however small it is', () => {
    const fleet = Array.from({ length: 1000 }, (_, index) => told(['s2', 'x'], { node: `n${index}` }))
    const input = {
      previous: new Map(fleet.map(({ node }) => [node, told(['s1', 'x'], { node })])),
      publishedAt: new Map(fleet.map(({ node }) => [node, 1000])),
      sizeOf: () => 2000,
      isBusy: true,
    }
    expect(holdBack(fleet, { ...input, now: 2000 })).toEqual({ publish: [], nextAt: 31_000 })
    expect(holdBack(fleet, { ...input, now: 31_000 }).publish).toHaveLength(1000)
    expect(holdBack(fleet, { ...input, now: 2000, isBusy: false }).publish).toHaveLength(1000)
  })
})
