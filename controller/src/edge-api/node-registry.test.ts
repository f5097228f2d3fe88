import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { describe, expect, it } from 'vitest'
import { openCentreMemory } from '../memory/centre-memory.ts'
import { neverAway } from '../plan/reachable.ts'
import { createRecordingMeter } from '../testing/recording-meter.ts'
import { silentLog } from '../testing/silent-log.ts'
import { aReport } from '../testing/world.ts'
import { createNodeRegistry } from './node-registry.ts'

/** A registry that counts what it writes while nothing but time goes on. */
async function openFleet(count: number) {
  const store = createMemoryStore()
  let [now, counter, writes] = [1_000_000, 0, 0]
  const open = async () => {
    const { nodes } = await openCentreMemory(store)
    const save = (name: string): Promise<void> => {
      writes += 1
      return nodes.save(name)
    }
    const meter = createRecordingMeter()
    const rest = { listening: () => neverAway, now: () => now, log: silentLog, meter, onNews: () => undefined }
    return createNodeRegistry({ nodes: { ...nodes, save }, ...rest })
  }
  let registry = await open()
  const reportAll = async (): Promise<void> => {
    counter += 1
    for (let index = 0; index < count; index++) await registry.take(aReport(`n${index}`, { counter }))
  }
  await reportAll()
  return {
    restart: async () => void (registry = await open()),
    /** Lets everybody report every 20 s; says how often was written. */
    async rest(ms: number): Promise<number> {
      writes = 0
      for (const end = now + ms; now < end;) {
        now += 20_000
        await reportAll()
      }
      return writes
    },
  }
}

describe('a fleet at rest', () => {
  it('is written down no more often than five times a second, however large it is', async () => {
    const fleet = await openFleet(1000)
    expect(await fleet.rest(600_000)).toBeLessThanOrEqual(600 * 5)
  })

  it('is not written down anew because the centre was started', async () => {
    const fleet = await openFleet(10)
    await fleet.restart()
    expect(await fleet.rest(40_000)).toBe(0)
    expect(await fleet.rest(20_000)).toBe(10)
  })
})
