import { describe, expect, it } from 'vitest'
import type { CachePhase } from '../api/cache-status.ts'
import { eventsOf } from './events-of.ts'

const status = (phase: CachePhase, more: object = {}) => ({
  status: phase,
  reason: 'ImageCacheCreate' as const,
  message: `it is ${phase}`,
  startTime: '2026-01-01T00:00:00.000Z',
  ...more,
})

describe('an event', () => {
  it.each<[CachePhase, string[]]>([
    ['Processing', []],
    ['Succeeded', ['Normal']],
    ['NoImagesPulledOrDeleted', ['Normal']],
    ['AwaitingOfflineNodes', ['Normal']],
    ['Failed', ['Warning']],
  ])('is made of a final status: %s', (phase, types) => {
    const events = eventsOf(status('Processing'), status(phase))
    expect(events).toEqual(types.map((type) => ({ type, reason: 'ImageCacheCreate', message: `it is ${phase}` })))
    expect(eventsOf(undefined, status(phase))).toEqual(events)
  })

  it('is made once for each end', () => {
    const done = status('Succeeded')
    expect(eventsOf(done, done)).toEqual([])
    expect(eventsOf(done, { ...done, message: 'in other words' })).toEqual([])
    expect(eventsOf(done, status('Failed'))).toHaveLength(1)
    expect(eventsOf(done, status('Succeeded', { startTime: '2026-01-02T00:00:00.000Z' }))).toHaveLength(1)
    expect(eventsOf(done, status('Succeeded', { reason: 'ImageCacheRefresh' }))).toHaveLength(1)
  })
})
