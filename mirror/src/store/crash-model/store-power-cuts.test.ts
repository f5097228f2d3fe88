import { describe, expect, it } from 'vitest'
import type { FileSystem } from '../file-system.ts'
import type { ObjectStore } from '../object-store.ts'
import type { Disk } from './disk.ts'
import { isFault } from '../../oci/fault.ts'
import { openFsStore } from '../fs-store.ts'
import {
  syncingTooLate,
  trustingThePast,
  withoutDirectorySync,
  withoutParentSync,
  withoutSync,
} from './careless-file-system.ts'
import { createMemoryFileSystem } from './memory-file-system.ts'
import { createRecorder, type Recorder } from './recorder.ts'
import { scenarios, type Scenario } from './store-scenarios.ts'
import { survivePowerCuts } from './survive-power-cuts.ts'
import { checkWhole } from './whole-store.ts'

const careful = (files: FileSystem): FileSystem => files

const open = (files: FileSystem): Promise<ObjectStore> => openFsStore({ directory: '/store', files, now: () => 0 })

/** Does all of a scenario in one process. */
async function runOnce(scenario: Scenario, carelessness = careful): Promise<Recorder> {
  const recorder = createRecorder(createMemoryFileSystem())
  await scenario.run(await open(carelessness(recorder.process().files)), recorder.note)
  return recorder
}

/** Kills a process at one point of a scenario, lets the next one do it all, and cuts power on that one. */
async function surviveKill(scenario: Scenario, killAfter: number, carelessness = careful): Promise<number> {
  const recorder = createRecorder(createMemoryFileSystem())
  const first = recorder.process({ killAfter })
  const work = open(carelessness(first.files)).then((objects) => scenario.run(objects, recorder.note))
  await Promise.race([work, first.killed])
  await scenario.run(await open(carelessness(recorder.process().files)), recorder.note)
  try {
    return await surviveFrom(killAfter, scenario, recorder, 1)
  } catch (cause) {
    throw new Error(`a process that is killed after ${killAfter} operations does harm`, { cause })
  }
}

/** Some points of a scenario, others each time; of a short one always those at which a file has just got a second name. */
async function killPoints(scenario: Scenario): Promise<number[]> {
  const { operations } = await runOnce(scenario)
  const step = Math.ceil(operations.length / 3)
  const phase = Date.now() % step
  const isShort = operations.length < 50
  return [...operations.keys()].filter(
    (count) => count % step === phase || (isShort && operations[count - 1]?.kind === 'link'),
  )
}

function surviveFrom(from: number, scenario: Scenario, { operations }: Recorder, samples?: number): Promise<number> {
  return survivePowerCuts({
    operations,
    root: '/',
    from,
    samples,
    check: (disk, notes) => checkDisk(disk, notes, scenario),
  })
}

let checked = 0

async function checkDisk(disk: Disk, notes: readonly string[], scenario: Scenario): Promise<void> {
  const objects = await open(createMemoryFileSystem(disk))
  await checkWhole(objects)
  for (const note of notes) {
    if (!(await scenario.promises[note]?.(objects, notes))) throw new Error(`"${note}" was promised`)
  }
  if (checked++ % 4 !== 0) return
  await finish(scenario, objects)
  await checkWhole(objects)
}

/** Does the work again; bytes that were torn are found out, dropped, and brought once more. */
async function finish(scenario: Scenario, objects: ObjectStore): Promise<void> {
  try {
    await scenario.run(objects, () => {})
  } catch (error) {
    if (!isFault(error, 'corrupt')) throw error
    await scenario.run(objects, () => {})
  }
}

describe('the file-system store when power is cut', () => {
  it.each(scenarios)('keeps what it promised and shows nothing half: $name', { timeout: 60_000 }, async (scenario) => {
    expect(await surviveFrom(0, scenario, await runOnce(scenario))).toBeGreaterThan(20)
  })

  it.each(scenarios)('does so too after its process was killed: $name', { timeout: 60_000 }, async (scenario) => {
    for (const killAfter of await killPoints(scenario)) await surviveKill(scenario, killAfter)
  })
})

describe('the crash model', () => {
  it.each([
    ['never syncs bytes', withoutSync],
    ['never syncs directories', withoutDirectorySync],
    ['syncs bytes after their file got its name', syncingTooLate],
    ['does not sync the names of new directories', withoutParentSync],
  ])('finds out a store that %s, in every scenario', { timeout: 60_000 }, async (_, carelessness) => {
    for (const scenario of scenarios) {
      const recorder = await runOnce(scenario, carelessness)
      await expect(surviveFrom(0, scenario, recorder)).rejects.toThrow('does harm')
    }
  })

  it('finds out a store that takes for durable what a killed process left', { timeout: 60_000 }, async () => {
    const kills = async (): Promise<void> => {
      const { length } = (await runOnce(scenarios[0]!)).operations
      for (let killAfter = 1; killAfter < length; killAfter++) {
        await surviveKill(scenarios[0]!, killAfter, trustingThePast)
      }
    }
    await expect(kills()).rejects.toThrow('does harm')
  })
})
