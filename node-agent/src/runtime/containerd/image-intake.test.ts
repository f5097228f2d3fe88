import { describe, expect, it } from 'vitest'
import type { Digest } from '@stowage/mirror/oci/digest'
import { createFileSystem } from '../../files/create-file-system.ts'
import { createTestImage, createTestLayer } from '../../testing/test-image.ts'
import { chainIds } from './chain-ids.ts'
import type { Content } from './content.ts'
import { createImageIntake, type ImageIntake } from './image-intake.ts'
import type { Leases } from './leases.ts'
import type { Snapshots } from './snapshots.ts'

const { graph } = createTestImage([await createTestLayer(), await createTestLayer()])
const [lower, upper] = graph.manifest.layers.map(({ digest }) => digest) as [Digest, Digest]
const [lowerChain, upperChain] = chainIds(graph.config!.diffIds) as [Digest, Digest]

describe('the layers of an image that are missing', () => {
  it.each([
    { what: 'nothing', missing: [lower, upper] },
    { what: 'a packed layer', contents: [lower], missing: [upper] },
    { what: 'both', contents: [lower, upper], missing: [] },
    { what: 'an unpacked layer', chains: [lowerChain], missing: [upper] },
    { what: 'an unpacked and a packed one', chains: [lowerChain], contents: [upper], missing: [] },
    { what: 'both unpacked', chains: [lowerChain, upperChain], missing: [] },
    {
      what: 'both unpacked, which are to stay',
      chains: [lowerChain, upperChain],
      keeps: true,
      missing: [lower, upper],
    },
  ])('are the others where $what is there', async ({ contents = [], chains = [], keeps = false, missing }) => {
    const { intake } = open({ contents, chains, keeps })
    expect((await intake.begin(graph)).map(({ digest }) => digest)).toEqual(missing)
  })

  it('are none where one is unpacked, and its content goes, at any moment of the look', async () => {
    const idle = open({ contents: [lower, upper] })
    await idle.intake.begin(graph)
    expect(idle.calls()).toBeGreaterThan(10)
    for (let moment = 1; moment <= idle.calls(); moment++) {
      const { intake } = open({ contents: [lower, upper], unpackLowerAtCall: moment })
      expect(await intake.begin(graph), `unpacked at call ${moment}`).toEqual([])
    }
  })
})

interface Given {
  readonly contents?: readonly Digest[]
  readonly chains?: readonly Digest[]
  readonly keeps?: boolean
  readonly unpackLowerAtCall?: number
}

/** A containerd that collects at once what nothing holds any more. */
function open({ contents = [], chains = [], keeps = false, unpackLowerAtCall }: Given): {
  readonly intake: ImageIntake
  readonly calls: () => number
} {
  const blobs = new Map<Digest, Uint8Array>(contents.map((digest) => [digest, Buffer.alloc(0)]))
  const committed = new Set(chains)
  let calls = 0
  async function call<Answer>(answer: () => Answer): Promise<Answer> {
    if (++calls === unpackLowerAtCall) {
      committed.add(lowerChain)
      blobs.delete(lower)
    }
    return answer()
  }
  const content: Pick<Content, 'labelsOf' | 'read' | 'ingest' | 'label'> = {
    labelsOf: (digest) => call(() => (blobs.has(digest) ? {} : undefined)),
    read: (digest) => call(() => blobs.get(digest)),
    async ingest({ digest }, { bytes }) {
      const raw = Buffer.concat(await Array.fromAsync(bytes(0)))
      await call(() => blobs.set(digest, raw))
    },
    label: () => call(() => undefined),
  }
  const snapshots: Pick<Snapshots, 'has'> = { has: (chainId) => call(() => committed.has(chainId)) }
  const nothing = (): Promise<void> => call(() => undefined)
  const leases: Pick<Leases, 'hold'> = {
    hold: (root) => call(() => ({ lease: root, content: nothing, snapshot: nothing })),
  }
  const intake = createImageIntake({
    content: content as Content,
    snapshots: snapshots as Snapshots,
    leases: leases as Leases,
    files: createFileSystem(),
    snapshotter: 'overlayfs',
    keepsLayers: keeps,
    blobsDirectory: async () => undefined,
  })
  return { intake, calls: () => calls }
}
