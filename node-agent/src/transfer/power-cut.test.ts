import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { digestOf } from '@stowage/mirror/oci/digest'
import { readWholeFile } from '../files/whole-file.ts'
import { createDice } from '../testing/dice.ts'
import { createMemoryJournal } from '../testing/memory-journal.ts'
import { createMemorySource } from '../testing/memory-source.ts'
import { createPowerCutDisk, PowerCut, type PowerCutDisk } from '../testing/power-cut-disk.ts'
import { fetchBlob } from './fetch-blob.ts'
import { openPartStore } from './part-store.ts'

const bytes = randomBytes(9000)
const blob: Descriptor = { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length }
const directory = '/data/parts'

interface World {
  disk: PowerCutDisk
  boot: number
  readonly journal: ReturnType<typeof createMemoryJournal>
  readonly source: ReturnType<typeof createMemorySource>
}

function createWorld(): World {
  const world: World = {
    disk: createPowerCutDisk(),
    boot: 0,
    journal: createMemoryJournal(() => world.disk.step()),
    source: createMemorySource({ chunkBytes: 700 }),
  }
  world.source.blobs.set(blob.digest, bytes)
  return world
}

async function fetchOnce({ disk, boot, journal, source }: World): Promise<Buffer | undefined> {
  // A sync every third chunk or so, so that each cut finds synced, unsynced and unnoted bytes.
  let now = 0
  const options = { extentBytes: 2048, syncEveryMs: 3, monotonicNow: () => (now += 1) }
  const parts = await openPartStore({ directory, files: disk, journal, bootId: `boot ${boot}`, ...options })
  const signal = new AbortController().signal
  await fetchBlob(blob, { source, repository: 'r', parts, signal, stallMs: 1000, onBytes: () => {} })
  return readWholeFile(disk, parts.pathOf(blob.digest), 1e6)
}

/** Runs into a power cut after so many operations, if it gets that far. */
async function fetchUntilPowerCut(world: World, operations: number, seed: number): Promise<'cut' | 'done'> {
  world.disk.cutPowerAfter(operations)
  try {
    await fetchOnce(world)
    world.disk.cutPowerAfter(Infinity)
    return 'done'
  } catch (error) {
    if (!(error instanceof PowerCut)) throw error
  }
  world.disk = world.disk.reboot(createDice(seed))
  world.boot += 1
  return 'cut'
}

/** What is wrong, over every instant at which the power can go; empty if nothing is. */
async function violations(sabotage: (disk: PowerCutDisk) => void = () => {}, seeds = 8): Promise<string[]> {
  const found: string[] = []
  for (let operations = 0; ; operations++) {
    let isDone = false
    for (let seed = 0; seed < seeds; seed++) {
      const world = createWorld()
      sabotage(world.disk)
      isDone = (await fetchUntilPowerCut(world, operations, seed)) === 'done'
      const noted = world.journal.get(blob.digest)?.extents.at(-1)?.end ?? 0
      const servedBefore = world.source.served.get(blob.digest) ?? 0
      try {
        const content = await fetchOnce(world)
        if (!content?.equals(bytes)) found.push(`cut ${operations}, dice ${seed}: wrong bytes are taken for right ones`)
      } catch (error) {
        found.push(`cut ${operations}, dice ${seed}: ${(error as Error).message}`)
      }
      const again = (world.source.served.get(blob.digest) ?? 0) - servedBefore
      if (again > blob.size - noted) found.push(`cut ${operations}, dice ${seed}: noted bytes were fetched again`)
    }
    if (isDone) return found
  }
}

describe('a power cut at any instant of a transfer', () => {
  it('costs nothing that was noted, and nothing wrong is ever taken for right', async () => {
    expect(await violations()).toEqual([])
  })

  it('would be seen to cost bytes if files were not synced before they are noted', async () => {
    expect(await violations((disk) => disk.forgetFileSyncs(), 2)).not.toEqual([])
  })

  it('would be seen to cost bytes if the directory were not synced', async () => {
    expect(await violations((disk) => disk.forgetDirectorySyncs(), 2)).not.toEqual([])
  })

  it('may come again and again', async () => {
    for (let seed = 0; seed < 50; seed++) {
      const dice = createDice(seed)
      const world = createWorld()
      for (let cut = 0; cut < 6; cut++) await fetchUntilPowerCut(world, Math.floor(dice() * 30), seed * 10 + cut)
      world.disk.cutPowerAfter(Infinity)
      expect((await fetchOnce(world))?.equals(bytes)).toBe(true)
    }
  })
})
