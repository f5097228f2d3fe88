import { counter, gauge, histogram, sample } from '@stowage/mirror/metrics/meter'
import { describe, expect, it } from 'vitest'
import { openMetrics } from './open-metrics.ts'

const done = counter('stowage_done_total', 'What was done.', ['kind'])
const took = histogram('stowage_took_seconds', 'How long.', { buckets: [1, 10] })
const there = gauge('stowage_there', 'What is there.', ['name'])
const free = gauge('stowage_free_bytes', 'What is free.')
const metrics = [done, took, there, free]

async function linesOf({ text }: { readonly text: () => Promise<string> }, name: string): Promise<string[]> {
  return (await text()).split('\n').filter((line) => line.startsWith(name))
}

describe('the numbers of a process', () => {
  it('are told as Prometheus reads them', async () => {
    const opened = openMetrics({ metrics })
    opened.meter.add(done, { kind: 'a "b"' })
    opened.meter.add(done, { kind: 'a "b"' }, 41)
    opened.meter.observe(took, {}, 2)
    expect(opened.contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(await linesOf(opened, 'stowage_done')).toEqual(['stowage_done_total{kind="a \\"b\\""} 42'])
    expect(await linesOf(opened, 'stowage_took')).toEqual([
      'stowage_took_seconds_bucket{le="1"} 0',
      'stowage_took_seconds_bucket{le="10"} 1',
      'stowage_took_seconds_bucket{le="+Inf"} 1',
      'stowage_took_seconds_sum 2',
      'stowage_took_seconds_count 1',
    ])
    const text = await opened.text()
    expect(text).toContain('# HELP stowage_there What is there.\n# TYPE stowage_there gauge')
    for (const name of [
      'process_resident_memory_bytes',
      'process_cpu_seconds_total',
      'nodejs_eventloop_lag_p99_seconds',
    ])
      expect(text).toMatch(new RegExp(`^${name} [0-9.e-]+$`, 'm'))
  })

  it('are looked up when somebody asks, and what is gone is gone', async () => {
    let now = 0
    let names = ['a', 'b']
    const opened = openMetrics({ metrics, steadyNow: () => now })
    opened.look(() => names.map((name) => sample(there, { name }, 1)))
    expect(await linesOf(opened, 'stowage_there')).toHaveLength(2)
    expect(await linesOf(opened, 'stowage_free')).toEqual([])
    names = ['b']
    expect(await linesOf(opened, 'stowage_there')).toHaveLength(2)
    now += 1000
    expect(await linesOf(opened, 'stowage_there')).toEqual(['stowage_there{name="b"} 1'])
  })

  it('are those that were named before', () => {
    const opened = openMetrics({ metrics: [] })
    expect(() => opened.meter.add(done, { kind: 'a' })).toThrow('stowage_done_total is not among those that are known')
  })
})
