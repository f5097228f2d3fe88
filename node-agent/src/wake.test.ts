import { expect, it } from 'vitest'
import { runAll } from './run-all.ts'
import { createRateMeter } from './transfer/rate-meter.ts'
import { createWake } from './wake.ts'

const { signal } = new AbortController()

it('wakes a sleeper, keeps one awake that is about to fall asleep, and lets it sleep the next time', async () => {
  const wake = createWake()
  const slept = wake.sleep(Infinity, signal)
  wake.ring()
  await slept
  wake.ring()
  await wake.sleep(Infinity, signal)
  await wake.sleep(1, signal)
})

it('wakes when the signal fires, and does not sleep after that', async () => {
  const controller = new AbortController()
  const wake = createWake()
  const slept = wake.sleep(Infinity, controller.signal)
  controller.abort()
  await slept
  await wake.sleep(Infinity, controller.signal)
})

it('stops all loops when one fails, and says why', async () => {
  const stopped: string[] = []
  const patient = async (inner: AbortSignal): Promise<void> => {
    await createWake().sleep(Infinity, inner)
    stopped.push('patient')
  }
  const failing = (): Promise<void> => Promise.reject(new Error('broken'))
  await expect(runAll([patient, failing], signal)).rejects.toThrow('broken')
  expect(stopped).toEqual(['patient'])
})

it('measures bytes over the last seconds', () => {
  let now = 0
  const meter = createRateMeter(() => now)
  for (; now < 10_000; now += 100) meter.add(50)
  expect(meter.bytesPerSecond()).toBeGreaterThan(400)
  expect(meter.bytesPerSecond()).toBeLessThan(600)
  now += 6000
  expect(meter.bytesPerSecond()).toBe(0)
})
