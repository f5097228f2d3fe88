import PQueue from 'p-queue'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { hexOf, type Digest } from '@stowage/mirror/oci/digest'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { ImageGraph } from '../runtime.ts'
import { chainIds } from './chain-ids.ts'
import type { Content } from './content.ts'
import type { Leases } from './leases.ts'
import type { Mount, Snapshots } from './snapshots.ts'

/** Makes snapshots of layers, while others are still on their way. */
export interface Unpacker {
  /**
   * Unpacks the layers of an image from the lowest on, as far as they are there. Resolves with the first one that is not.
   * @throws Fault invalid (a layer is not what the configuration says) | no-space | unavailable
   */
  advance(graph: ImageGraph): Promise<Digest | undefined>
  /** Nothing is being unpacked any more. */
  onIdle(): Promise<void>
}

export interface UnpackerOptions {
  readonly content: Content
  readonly snapshots: Snapshots
  readonly leases: Leases
  /** Layers stay in the content store when they are unpacked. */
  readonly keepsLayers: boolean
  /** Makes durable what was unpacked, if containerd did not. */
  readonly syncUnpacked: () => Promise<void>
}

/** Unpacking keeps one core busy; layers of one image wait for each other. */
const concurrency = 2

export function createUnpacker({ content, snapshots, leases, keepsLayers, syncUnpacked }: UnpackerOptions): Unpacker {
  const queue = new PQueue({ concurrency })
  const last = new Map<Digest, Promise<unknown>>()

  async function unpackLayer(
    { root, manifest, config }: ImageGraph,
    at: number,
    chain: readonly Digest[],
  ): Promise<void> {
    const [layer, diffId, chainId] = [manifest.layers[at], config?.diffIds[at], chain[at]]
    if (!layer || !diffId || !chainId) throw new Error(`${root.digest} has no layer ${at}`)
    const lease = leases.idOf(root.digest)
    // The same in every process: what a dead one left is found.
    const key = `stowage-${hexOf(root.digest).slice(0, 16)}-${hexOf(chainId)}`
    const mounts = await snapshots.prepare(key, { parent: chain[at - 1], lease })
    try {
      const unpacked = await apply(layer, mounts)
      if (unpacked !== diffId) {
        throw new Fault(
          'invalid',
          `layer ${layer.digest} is ${unpacked} when it is unpacked, but the image's configuration says ${diffId}`,
        )
      }
      await syncUnpacked()
      await snapshots.commit(key, { chainId, lease })
    } catch (error) {
      // Half a layer may be what fills the disk: whoever hears of that is to see the room that there is without it.
      await dropAndClear(key).catch(() => {})
      throw error
    }
  }

  async function dropAndClear(key: string): Promise<void> {
    await snapshots.drop(key)
    await leases.clearAway()
  }

  async function apply(layer: Descriptor, mounts: readonly Mount[]): Promise<Digest> {
    try {
      return await snapshots.apply(layer, mounts)
    } catch (error) {
      if (!isFault(error, 'not-found')) throw error
      // containerd knows the blob, but its file is gone: so it must come again.
      await content.delete(layer.digest)
      throw new Fault('conflict', `layer ${layer.digest} is gone from containerd's disk`, { cause: error })
    }
  }

  async function unpackAll(graph: ImageGraph): Promise<Digest | undefined> {
    const { root, manifest, config } = graph
    const chain = chainIds(config?.diffIds ?? [])
    for (const [at, chainId] of chain.entries()) {
      const layer = manifest.layers[at]
      if (!layer) throw new Error(`${root.digest} has more diff IDs than layers`)
      if (await snapshots.has(chainId)) continue
      if (!(await content.labelsOf(layer.digest))) return layer.digest
      await queue.add(() => unpackLayer(graph, at, chain))
      const isNeededAgain = manifest.layers.slice(at + 1).some(({ digest }) => digest === layer.digest)
      if (!keepsLayers && !isNeededAgain) await leases.letGoContent(root.digest, layer.digest)
    }
    return undefined
  }

  return {
    async advance(graph) {
      const { digest } = graph.root
      const before = last.get(digest) ?? Promise.resolve()
      const turn = before.then(
        () => unpackAll(graph),
        () => unpackAll(graph),
      )
      last.set(digest, turn)
      try {
        return await turn
      } finally {
        if (last.get(digest) === turn) last.delete(digest)
      }
    },

    async onIdle() {
      while (last.size > 0) await Promise.allSettled(last.values())
    },
  }
}
