import { expect, it } from 'vitest'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { createTestImage, createTestLayer, type TestImage } from '../../testing/test-image.ts'
import type { Content } from './content.ts'
import type { Leases } from './leases.ts'
import type { Snapshots } from './snapshots.ts'
import { createUnpacker, type Unpacker } from './unpacker.ts'

const base = await createTestLayer()
const [one, two] = [createTestImage([base, await createTestLayer()]), createTestImage([base, await createTestLayer()])]
const shared = one.graph.manifest.layers[0]!

it('unpacks a layer that images have in common once, though all of them come at once', async () => {
  const { unpacker, applied } = open([one, two])
  expect(await Promise.all([one, two].map(({ graph }) => unpacker.advance(graph)))).toEqual([undefined, undefined])
  expect(applied.filter((digest) => digest === shared.digest)).toHaveLength(1)
  expect(applied).toHaveLength(3)
})

it('tries again for the other image if the first one to unpack a layer fails', async () => {
  const { unpacker, applied } = open([one, two], { failures: [new Fault('unavailable', 'containerd went')] })
  const ends = await Promise.allSettled([one, two].map(({ graph }) => unpacker.advance(graph)))
  expect(ends.map(({ status }) => status)).toEqual(['rejected', 'fulfilled'])
  expect(applied.filter((digest) => digest === shared.digest)).toHaveLength(2)
})

it.each([
  ['what is sound stays', true, 'unavailable', []],
  ['what is damaged goes, to come again', false, 'conflict', [shared.digest]],
])('of a layer that cannot be unpacked %s', async (_, isSound, code, deleted) => {
  const world = open([one], { failures: [new Fault('unavailable', 'gzip: invalid checksum')], isSound })
  await expect(world.unpacker.advance(one.graph)).rejects.toMatchObject({ code })
  expect(world.deleted).toEqual(deleted)
})

interface World {
  readonly unpacker: Unpacker
  /** Layers that were unpacked, or were to be, in that order. */
  readonly applied: Digest[]
  readonly deleted: Digest[]
}

/** A containerd that has all layers of these images, and fails so often. */
function open(images: readonly TestImage[], { failures = [] as Fault[], isSound = true } = {}): World {
  const diffIds = new Map<Digest, Digest>()
  for (const { graph } of images) {
    for (const [at, { digest }] of graph.manifest.layers.entries()) diffIds.set(digest, graph.config!.diffIds[at]!)
  }
  const committed = new Set<Digest>()
  const applied: Digest[] = []
  const deleted: Digest[] = []
  const nothing = async (): Promise<void> => {}
  const content: Pick<Content, 'labelsOf' | 'isSound' | 'delete'> = {
    labelsOf: async () => ({}),
    isSound: async () => isSound,
    delete: async (digest) => void deleted.push(digest),
  }
  const snapshots: Omit<Snapshots, 'all'> = {
    has: async (chainId) => committed.has(chainId),
    prepare: async () => [],
    async apply({ digest }) {
      applied.push(digest)
      const failure = failures.shift()
      if (failure) throw failure
      return diffIds.get(digest)!
    },
    commit: async (_, { chainId }) => void committed.add(chainId),
    drop: nothing,
  }
  const leases: Pick<Leases, 'idOf' | 'letGoContent' | 'clearAway'> = {
    idOf: (root) => root,
    letGoContent: nothing,
    clearAway: nothing,
  }
  const unpacker = createUnpacker({
    content: content as Content,
    snapshots: snapshots as Snapshots,
    leases: leases as Leases,
    keepsLayers: false,
    syncUnpacked: nothing,
  })
  return { unpacker, applied, deleted }
}
