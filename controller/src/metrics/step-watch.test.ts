import { describe, expect, it } from 'vitest'
import { createRecordingMeter } from '../testing/recording-meter.ts'
import { createStepWatch } from './step-watch.ts'

describe('a watch of steps', () => {
  it('counts them, and knows the last one that succeeded and for how long one has been under way', async () => {
    let now = 1000
    const meter = createRecordingMeter()
    const watch = createStepWatch({ meter, now: () => 5_000_000 + now, steadyNow: () => now })
    const { promise, resolve } = Promise.withResolvers<number>()
    expect([watch.lastSuccess(), watch.runningMs()]).toEqual([undefined, 0])
    const step = watch.watched(() => promise)()
    now += 700
    expect(watch.runningMs()).toBe(700)
    resolve(42)
    expect(await step).toBe(42)
    expect([watch.lastSuccess(), watch.runningMs()]).toEqual([5_001_700, 0])
    now += 100
    await expect(watch.watched(() => Promise.reject(new Error('no')))()).rejects.toThrow('no')
    expect([watch.lastSuccess(), watch.runningMs()]).toEqual([5_001_700, 0])
    const of = (result: string): number => meter.sum('stowage_reconcile_steps_total', { result })
    expect([of('ok'), of('failed'), meter.observed('stowage_reconcile_step_duration_seconds')]).toEqual([1, 1, 2])
  })
})
