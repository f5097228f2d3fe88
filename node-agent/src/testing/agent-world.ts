import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Report } from '@stowage/mirror/edge/report'
import type { DesiredImage } from '@stowage/mirror/edge/set'
import { digestOf, hexOf } from '@stowage/mirror/oci/digest'
import { createAgent, type AgentOptions } from '../agent.ts'
import { createFileSystem } from '../files/create-file-system.ts'
import { openLayoutRuntime } from '../runtime/layout/layout-runtime.ts'
import type { Runtime } from '../runtime/runtime.ts'
import { createMemoryCentre, type MemoryCentre } from './memory-centre.ts'
import { createMemorySource, type MemorySource } from './memory-source.ts'
import { silentLog } from './silent-log.ts'
import { linuxAmd64, offer, type TestImage } from './test-image.ts'

/** A node with a real disk, and a centre in memory. */
export interface AgentWorld extends AsyncDisposable {
  readonly directory: string
  readonly source: MemorySource
  readonly centre: MemoryCentre
  readonly runtime: Runtime
  /** Lets the centre offer an image, and names it. */
  image(name: string, image: TestImage): DesiredImage
  /** Starts an agent; disposing of it stops it. */
  start(options?: Partial<AgentOptions>): RunningAgent
  /** Bytes of a blob that crossed the link, again and again if they did. */
  served(blob: Uint8Array): number
  /** Waits until the centre was told that an image is present. */
  present(name: string): Promise<void>
  /** Files of half-fetched blobs. */
  partNames(): Promise<string[]>
  /** Files of blobs in the layout. */
  blobNames(): Promise<string[]>
  /** Names in the layout that carry our mark. */
  ownedNames(): Promise<string[]>
  /** Names in the layout of which every byte is right. */
  soundNames(): Promise<string[]>
  /** What a report claims beyond what the disk holds, in words; empty if nothing. */
  liesIn(report: Report): Promise<string[]>
}

export interface RunningAgent extends AsyncDisposable {
  /** How it ends. */
  readonly done: Promise<void>
  readonly stop: () => Promise<void>
}

const longestWaitMs = 10_000

async function eventually(what: string, isTrue: () => boolean): Promise<void> {
  const deadline = performance.now() + longestWaitMs
  while (!isTrue()) {
    if (performance.now() > deadline) throw new Error(`${what} did not come true`)
    await setTimeout(5)
  }
}

export async function createAgentWorld(): Promise<AgentWorld> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-agent-'))
  const layout = join(directory, 'layout')
  const files = createFileSystem()
  const source = createMemorySource({ chunkBytes: 500 })
  const centre = createMemoryCentre(source)
  const runtime = await openLayoutRuntime({ directory: layout, files, platform: linuxAmd64 })
  const known = new Map<string, TestImage>()

  const options: AgentOptions = {
    node: 'edge-1',
    labels: { tier: 'edge' },
    version: '0.0.0',
    dataDirectory: join(directory, 'data'),
    files,
    runtime,
    platform: linuxAmd64,
    source,
    centre,
    // What silence does is for a test to say: a machine that is busy elsewhere is silent, too.
    limits: { concurrency: 2, stallMs: 60_000, reserveBytes: 0 },
    pace: { contactEveryMs: 100, progressEveryMs: 10, lookEveryMs: 30 },
    // A clock that runs fast: pauses between tries are no longer than the time between two looks.
    now: () => performance.now() * 100,
    random: () => 0,
    log: silentLog,
  }

  async function isSound(image: TestImage): Promise<boolean> {
    for (const digest of [...image.manifests.keys(), ...image.blobs.keys()]) {
      const bytes = await readFile(join(layout, 'blobs/sha256', hexOf(digest))).catch(() => undefined)
      if (!bytes || digestOf(bytes) !== digest) return false
    }
    return true
  }

  async function soundNames(): Promise<string[]> {
    const names: string[] = []
    for (const { name, digest } of await runtime.list()) {
      const image = known.get(digest)
      if (image && (await isSound(image))) names.push(name)
    }
    return names.toSorted()
  }

  async function bytesOnDisk({ blobs }: TestImage): Promise<number> {
    let sum = 0
    for (const [digest, { length }] of blobs) {
      // The part first: looked at the other way round, a blob that is taken over in between is in neither place.
      const part = await stat(join(directory, 'data/parts', `sha256-${hexOf(digest)}`)).catch(() => undefined)
      const whole = await stat(join(layout, 'blobs/sha256', hexOf(digest))).catch(() => undefined)
      sum += Math.min(length, Math.max(whole?.size ?? 0, part?.size ?? 0))
    }
    return sum
  }

  return {
    directory,
    source,
    centre,
    runtime,
    soundNames,
    served: (blob) => source.served.get(digestOf(blob)) ?? 0,
    present: (name) => eventually(`${name} present`, () => centre.stateOf(name) === 'present'),
    partNames: () => readdir(join(directory, 'data/parts')),
    blobNames: () => readdir(join(layout, 'blobs/sha256')),
    ownedNames: async () => (await runtime.list()).flatMap(({ name, owned }) => (owned ? [name] : [])),

    image(name, image) {
      known.set(image.root.digest, image)
      offer(source, image)
      return { name, root: image.root }
    },

    start(changes = {}) {
      const controller = new AbortController()
      const done = createAgent({ ...options, ...changes }).run(controller.signal)
      done.catch(() => {
        // Whoever looks at `done` hears of it.
      })
      const stop = async (): Promise<void> => {
        controller.abort(new Error('stopped'))
        await done
      }
      return { done, stop, [Symbol.asyncDispose]: stop }
    },

    async liesIn(report) {
      const lies: string[] = []
      const sound = await soundNames()
      for (const { name, digest, state, bytesHere } of report.images) {
        const image = known.get(digest)
        if (state === 'present' && !sound.includes(name)) lies.push(`${name} is not present`)
        if (image && bytesHere > (await bytesOnDisk(image))) lies.push(`${name} has less than ${bytesHere} bytes`)
      }
      return lies
    },

    async [Symbol.asyncDispose]() {
      await rm(directory, { recursive: true })
    },
  }
}
