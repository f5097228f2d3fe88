import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { digestOf } from '@stowage/mirror/oci/digest'
import { withoutDirectorySync, withoutSync } from '@stowage/mirror/store/crash-model/careless-file-system'
import type { Disk } from '@stowage/mirror/store/crash-model/disk'
import { createMemoryFileSystem } from '@stowage/mirror/store/crash-model/memory-file-system'
import { createRecorder } from '@stowage/mirror/store/crash-model/recorder'
import { survivePowerCuts } from '@stowage/mirror/store/crash-model/survive-power-cuts'
import type { FileSystem as FileCalls } from '@stowage/mirror/store/file-system'
import { createFileSystem } from '../files/create-file-system.ts'
import { readWholeFile } from '../files/whole-file.ts'
import type { PartJournal } from '../state/part-journal.ts'
import { createMemoryJournal, journalAfter, type JournalChange } from '../testing/memory-journal.ts'
import { createMemorySource, type Weather } from '../testing/memory-source.ts'
import { fetchBlob } from './fetch-blob.ts'
import { openPartStore } from './part-store.ts'

const bytes = randomBytes(9000)
const blob: Descriptor = { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length }
const directory = '/data/parts'

interface World {
  readonly calls: FileCalls
  readonly journal: PartJournal
  readonly bootId: string
  readonly weather?: Weather[]
}

/** Fetches the blob; resolves with how many bytes came for that, and what lies in the file in the end. */
async function fetch({ calls, journal, bootId, weather = [] }: World): Promise<{ came: number; content: Buffer }> {
  const files = createFileSystem(calls)
  const source = createMemorySource({ chunkBytes: 700 })
  source.blobs.set(blob.digest, bytes)
  source.weather.set(blob.digest, weather)
  // A sync every second or third chunk, so that each cut finds synced, unsynced and unnoted bytes.
  let now = 0
  const pace = { extentBytes: 2048, syncEveryMs: 3, monotonicNow: () => (now += 1) }
  const parts = await openPartStore({ directory, files, journal, bootId, ...pace })
  const signal = new AbortController().signal
  await fetchBlob(blob, { source, repository: 'r', parts, signal, stallMs: 1000, onBytes: () => {} })
  const content = (await readWholeFile(files, parts.pathOf(blob.digest), 1e6)) ?? Buffer.of()
  return { came: source.served.get(blob.digest) ?? 0, content }
}

/** What was noted must not come again, and what is taken for the blob is the blob. */
async function check(disk: Disk, notes: readonly string[]): Promise<void> {
  const journal = journalAfter(notes.map((note) => JSON.parse(note) as JournalChange))
  const noted = journal.get(blob.digest)?.extents.at(-1)?.end ?? 0
  const { came, content } = await fetch({ calls: createMemoryFileSystem(disk), journal, bootId: 'the next boot' })
  expect(content.equals(bytes)).toBe(true)
  expect(came).toBeLessThanOrEqual(blob.size - noted)
}

async function record(
  live: (processOf: (killAfter?: number) => { world: World; killed: Promise<void> }) => Promise<void>,
  carelessness: (calls: FileCalls) => FileCalls = (calls) => calls,
): Promise<number> {
  const recorder = createRecorder(createMemoryFileSystem())
  const changes: JournalChange[] = []
  await live((killAfter) => {
    const { files, killed } = recorder.process({ killAfter })
    const journal = createMemoryJournal((change) => {
      changes.push(change)
      recorder.note(JSON.stringify(change))
    })
    for (const change of changes.splice(0)) replay(journal, change)
    return { world: { calls: carelessness(files), journal, bootId: 'this boot' }, killed }
  })
  return survivePowerCuts({ operations: recorder.operations, root: '/', seed: 1, check })
}

/** What an earlier process noted is there for the next one; noting it again changes nothing. */
function replay(journal: PartJournal, change: JournalChange): void {
  if (change.kind === 'begin') journal.begin(change.digest, change.record)
  else if (change.kind === 'record') void journal.record(change.digest, change.extents, change.received)
  else journal.drop(change.digest)
}

const straight = (processOf: (killAfter?: number) => { world: World }): Promise<void> =>
  fetch(processOf().world).then(() => {})

describe('a power cut at any instant of a transfer', () => {
  it('costs nothing that was noted, and nothing wrong is ever taken for right', { timeout: 60_000 }, async () => {
    expect(await record(straight)).toBeGreaterThan(50)
  })

  it('does no more harm when the link was cut before, and the transfer went on', { timeout: 60_000 }, async () => {
    const tried = await record(async (processOf) => {
      const { world } = processOf()
      await expect(fetch({ ...world, weather: [{ at: 4000, what: 'cut' }] })).rejects.toThrow('cut')
      await fetch(world)
    })
    expect(tried).toBeGreaterThan(50)
  })

  it('does no more harm when the process was killed before', { timeout: 60_000 }, async () => {
    for (const killAfter of [4, 6, 9, 14, 19]) {
      await record(async (processOf) => {
        const first = processOf(killAfter)
        await Promise.race([fetch(first.world), first.killed])
        await fetch(processOf().world)
      })
    }
  })

  it.each([
    ['files', withoutSync],
    ['directories', withoutDirectorySync],
  ])('would be found out to cost bytes if %s were not synced', { timeout: 60_000 }, async (_, carelessness) => {
    await expect(record(straight, carelessness)).rejects.toThrow('does harm')
  })
})
