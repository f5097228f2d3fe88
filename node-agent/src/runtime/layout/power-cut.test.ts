import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { digestOf, hexOf, type Digest } from '@stowage/mirror/oci/digest'
import { readWholeFile, writeWholeFile } from '../../files/whole-file.ts'
import { createDice } from '../../testing/dice.ts'
import { createPowerCutDisk, PowerCut, type PowerCutDisk } from '../../testing/power-cut-disk.ts'
import { createTestImage, linuxAmd64, type TestImage } from '../../testing/test-image.ts'
import type { Runtime } from '../runtime.ts'
import { openLayoutRuntime } from './layout-runtime.ts'

const shared = randomBytes(1500)
const v1 = createTestImage([shared, randomBytes(700)])
const v2 = createTestImage([shared, randomBytes(900)])
const theirs = createTestImage([shared])
const pathOf = (digest: Digest): string => `/layout/blobs/sha256/${hexOf(digest)}`

async function prepare(): Promise<PowerCutDisk> {
  const disk = createPowerCutDisk()
  await disk.makeDirectory('/staged')
  await using _runtime = await openLayoutRuntime({ directory: '/layout', files: disk, platform: linuxAmd64 })
  for (const [digest, bytes] of [...theirs.manifests, ...theirs.blobs])
    await writeWholeFile(disk, pathOf(digest), bytes)
  const annotations = { 'org.opencontainers.image.ref.name': 'theirs' }
  const index = { schemaVersion: 2, manifests: [{ ...theirs.root, annotations }] }
  await writeWholeFile(disk, '/layout/index.json', Buffer.from(JSON.stringify(index)))
  return disk
}

/** What the runtime has promised to hold under our name: it said so, and nobody has begun to change it since. */
let promised: Digest | undefined

async function bring(disk: PowerCutDisk, runtime: Runtime, image: TestImage): Promise<void> {
  for (const descriptor of await runtime.begin(image.graph)) {
    const path = `/staged/${hexOf(descriptor.digest)}`
    await writeWholeFile(disk, path, image.blobs.get(descriptor.digest) ?? Buffer.of())
    await runtime.accept(image.graph, { descriptor, path })
  }
  promised = undefined
  await runtime.publish('r/a:1', image.graph)
  promised = image.root.digest
}

/** A life: version 1, version 2, clean up, take it away, clean up. */
async function live(disk: PowerCutDisk): Promise<void> {
  await using runtime = await openLayoutRuntime({ directory: '/layout', files: disk, platform: linuxAmd64 })
  await bring(disk, runtime, v1)
  await bring(disk, runtime, v2)
  await runtime.collect(new Set([v2.root.digest]))
  promised = undefined
  await runtime.remove('r/a:1')
  await runtime.collect(new Set())
}

/** Whether all that the layout lists is there, byte for byte. */
async function falsehoods(disk: PowerCutDisk): Promise<string[]> {
  await using runtime = await openLayoutRuntime({ directory: '/layout', files: disk, platform: linuxAmd64 })
  const found: string[] = []
  const listed = await runtime.list()
  if (promised && !listed.some(({ digest }) => digest === promised)) found.push('what was published is gone')
  if (!listed.some(({ name }) => name === 'theirs')) found.push('what others brought is gone')
  for (const { name, digest } of listed) {
    const image = [v1, v2, theirs].find(({ root }) => root.digest === digest)
    for (const expected of [...(image?.manifests.keys() ?? []), ...(image?.blobs.keys() ?? [])]) {
      const bytes = await readWholeFile(disk, pathOf(expected), 1e6)
      if (!bytes || digestOf(bytes) !== expected) found.push(`${name} is listed, but ${expected} is not right`)
    }
  }
  return found
}

async function violations(sabotage: (disk: PowerCutDisk) => void = () => {}, seeds = 4): Promise<string[]> {
  const found: string[] = []
  for (let operations = 0; ; operations++) {
    let isDone = true
    for (let seed = 0; seed < seeds; seed++) {
      let disk = await prepare()
      sabotage(disk)
      promised = undefined
      disk.cutPowerAfter(operations)
      try {
        await live(disk)
        disk.cutPowerAfter(Infinity)
      } catch (error) {
        if (!(error instanceof PowerCut)) throw error
        disk = disk.reboot(createDice(seed))
        isDone = false
      }
      const where = `cut ${operations}, dice ${seed}`
      try {
        found.push(...(await falsehoods(disk)).map((what) => `${where}: ${what}`))
        await live(disk)
        const left = await disk.list('/layout/blobs/sha256')
        if (left.length !== theirs.manifests.size + theirs.blobs.size)
          found.push(`${where}: ${left.length} blobs are left`)
      } catch (error) {
        found.push(`${where}: ${(error as Error).message}`)
      }
    }
    if (isDone) return found
  }
}

describe('a power cut at any instant of a layout’s life', () => {
  it('leaves no half image listed, nothing of others harmed, and nothing behind', async () => {
    expect(await violations()).toEqual([])
  })

  it('would be seen to do harm if files were not synced', async () => {
    expect(await violations((disk) => disk.forgetFileSyncs(), 1)).not.toEqual([])
  })

  it('would be seen to do harm if directories were not synced', async () => {
    expect(await violations((disk) => disk.forgetDirectorySyncs(), 2)).not.toEqual([])
  })
})
