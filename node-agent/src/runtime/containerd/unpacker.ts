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
  /** By root. */
  const last = new Map<Digest, Promise<unknown>>()
  /** By chain ID; none of them rejects. */
  const underWay = new Map<Digest, Promise<void>>()

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
      await apply(layer, { diffId, mounts })
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

  async function apply(layer: Descriptor, into: { diffId: Digest; mounts: readonly Mount[] }): Promise<void> {
    try {
      const unpacked = await snapshots.apply(layer, into.mounts)
      if (unpacked === into.diffId) return
      throw new Fault(
        'invalid',
        `layer ${layer.digest} is ${unpacked} when it is unpacked, but the image's configuration says ${into.diffId}`,
      )
    } catch (error) {
      // Of what cannot be read now nothing is concluded.
      if (isFault(error, 'no-space') || (await content.isSound(layer.digest).catch(() => true))) throw error
      await content.delete(layer.digest)
      await leases.clearAway()
      throw new Fault(
        'conflict',
        `layer ${layer.digest} is damaged on containerd's disk, or gone: it is to come again`,
        {
          cause: error,
        },
      )
    }
  }

  /** Of images that have a layer in common one unpacks it, and the others wait. */
  async function unpackOnce(graph: ImageGraph, at: number, chain: readonly Digest[]): Promise<void> {
    const chainId = chain[at]
    if (!chainId) throw new Error(`${graph.root.digest} has no layer ${at}`)
    const before = underWay.get(chainId) ?? Promise.resolve()
    const turn = before.then(async () => {
      if (!(await snapshots.has(chainId))) await queue.add(() => unpackLayer(graph, at, chain))
    })
    const end = turn.catch(() => {})
    underWay.set(chainId, end)
    try {
      await turn
    } finally {
      if (underWay.get(chainId) === end) underWay.delete(chainId)
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
      await unpackOnce(graph, at, chain)
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
