import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { digestOf, hexOf, type Digest } from '@stowage/mirror/oci/digest'
import { withoutDirectorySync, withoutSync } from '@stowage/mirror/store/crash-model/careless-file-system'
import type { Disk } from '@stowage/mirror/store/crash-model/disk'
import { createMemoryFileSystem } from '@stowage/mirror/store/crash-model/memory-file-system'
import { createRecorder } from '@stowage/mirror/store/crash-model/recorder'
import { survivePowerCuts } from '@stowage/mirror/store/crash-model/survive-power-cuts'
import type { FileSystem as FileCalls } from '@stowage/mirror/store/file-system'
import { createFileSystem } from '../../files/create-file-system.ts'
import type { FileSystem } from '../../files/file-system.ts'
import { readWholeFile, writeWholeFile } from '../../files/whole-file.ts'
import { createTestImage, linuxAmd64, type TestImage } from '../../testing/test-image.ts'
import type { Runtime } from '../runtime.ts'
import { openLayoutRuntime } from './layout-runtime.ts'

const shared = randomBytes(600)
const v1 = createTestImage([shared, randomBytes(300)])
const v2 = createTestImage([shared, randomBytes(400)])
const theirs = createTestImage([shared])
const pathOf = (digest: Digest): string => `/layout/blobs/sha256/${hexOf(digest)}`
const open = (files: FileSystem): Promise<Runtime> =>
  openLayoutRuntime({ directory: '/layout', files, platform: linuxAmd64 })

/** What others brought before us, durably. */
async function prepare(files: FileSystem): Promise<void> {
  await files.makeDirectory('/staged')
  await using _runtime = await open(files)
  for (const [digest, bytes] of [...theirs.manifests, ...theirs.blobs]) {
    await writeWholeFile(files, pathOf(digest), bytes)
  }
  const annotations = { 'org.opencontainers.image.ref.name': 'theirs' }
  const index = { schemaVersion: 2, manifests: [{ ...theirs.root, annotations }] }
  await writeWholeFile(files, '/layout/index.json', Buffer.from(JSON.stringify(index)))
}

async function bring(files: FileSystem, runtime: Runtime, image: TestImage): Promise<void> {
  for (const descriptor of await runtime.begin(image.graph)) {
    const path = `/staged/${hexOf(descriptor.digest)}`
    await writeWholeFile(files, path, image.blobs.get(descriptor.digest) ?? Buffer.of())
    await runtime.accept(image.graph, { descriptor, path })
  }
}

/** A life: version 1, version 2, clean up, take it away, clean up. `promise` is told what is to be found from then on. */
async function live(files: FileSystem, promise: (digest: Digest | 'anything') => void): Promise<void> {
  await using runtime = await open(files)
  await bring(files, runtime, v1)
  promise('anything')
  await runtime.publish('r/a:1', v1.graph)
  promise(v1.root.digest)
  await bring(files, runtime, v2)
  promise('anything')
  await runtime.publish('r/a:1', v2.graph)
  promise(v2.root.digest)
  await runtime.collect(new Set([v2.root.digest]))
  promise('anything')
  await runtime.remove('r/a:1')
  await runtime.collect(new Set())
}

async function check(disk: Disk, notes: readonly string[]): Promise<void> {
  const files = createFileSystem(createMemoryFileSystem(disk))
  await checkTruth(files, notes.at(-1) ?? 'anything')
  await live(files, () => {})
  const left = await files.list('/layout/blobs/sha256')
  expect(left).toHaveLength(theirs.manifests.size + theirs.blobs.size)
}

/** All that is listed is there, byte for byte; what was promised is listed; what others brought is unharmed. */
async function checkTruth(files: FileSystem, promised: string): Promise<void> {
  await using runtime = await open(files)
  const listed = await runtime.list()
  expect(listed.map(({ name }) => name)).toContain('theirs')
  if (promised !== 'anything') expect(listed.map(({ digest }) => digest)).toContain(promised)
  for (const { digest } of listed) {
    const image = [v1, v2, theirs].find(({ root }) => root.digest === digest)
    for (const part of [...(image?.manifests.keys() ?? []), ...(image?.blobs.keys() ?? [])]) {
      expect(digestOf((await readWholeFile(files, pathOf(part), 1e6)) ?? '')).toBe(part)
    }
  }
}

async function survive(
  carelessness: (calls: FileCalls) => FileCalls = (calls) => calls,
  killAfter?: number,
): Promise<number> {
  const recorder = createRecorder(createMemoryFileSystem())
  await prepare(createFileSystem(recorder.process().files))
  const from = recorder.operations.length
  if (killAfter !== undefined) {
    const { files, killed } = recorder.process({ killAfter: from + killAfter })
    await Promise.race([live(createFileSystem(files), recorder.note), killed])
  }
  recorder.note('anything')
  await live(createFileSystem(carelessness(recorder.process().files)), recorder.note)
  return survivePowerCuts({ operations: recorder.operations, root: '/', from, samples: 2, seed: 1, check })
}

describe('a power cut at any instant of a layout’s life', () => {
  it('leaves no half image listed, nothing of others harmed, and nothing behind', { timeout: 60_000 }, async () => {
    expect(await survive()).toBeGreaterThan(100)
  })

  it('does no more harm when the process was killed before', { timeout: 60_000 }, async () => {
    for (const killAfter of [9, 23, 41]) await survive(undefined, killAfter)
  })

  it.each([
    ['files', withoutSync],
    ['directories', withoutDirectorySync],
  ])('would be found out to do harm if %s were not synced', { timeout: 60_000 }, async (_, carelessness) => {
    await expect(survive(carelessness)).rejects.toThrow('does harm')
  })
})
