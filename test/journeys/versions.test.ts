import { describe, expect, it } from 'vitest'
import type { Digest } from '@stowage/mirror/oci/digest'
import { startAgent, type Agent } from '../harness/agent.ts'
import { startCentre, type Centre } from '../harness/centre.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { otherPlatform } from '../harness/machine-platform.ts'
import { untilGone, untilHeld } from '../harness/node-files.ts'
import { openImageWorks, startSourceRegistry, type ImageWorks, type PushTarget } from '../harness/source-registry.ts'
import { hasBlob } from '../harness/verify-layout.ts'
import { makeIndex, type MadeImage, type MadeIndex } from '../image-maker/make-image.ts'
import type { LinkStats } from '../link/link-protocol.ts'
import { startLink, type RunningLink } from '../link/start-link.ts'

/** A vendor's registry, a centre and a node, with a counting link between each two of them. */
interface Chain extends AsyncDisposable {
  readonly works: ImageWorks
  /** Where to push, past the link; and how the centre is to name it. */
  readonly vendor: PushTarget
  readonly upstreamLink: RunningLink
  readonly nodeLink: RunningLink
  readonly centre: Centre
  readonly agent: Agent
  /** Pushes as `app:TAG` and gives the name by which the centre reaches it through the link. */
  push(image: MadeImage | MadeIndex, tag: string): ReturnType<ImageWorks['push']>
  resetCounters(): Promise<void>
}

async function openChain(journey: Journey, flags: readonly string[] = []): Promise<Chain> {
  await using opening = new AsyncDisposableStack()
  const works = await openImageWorks(journey.at('made'))
  const source = opening.use(await startSourceRegistry({ directory: journey.at('source') }))
  const upstreamLink = opening.use(await startLink({ upstream: source.url }))
  const centre = opening.use(await startCentre({ directory: journey.at('centre'), flags }))
  const nodeLink = opening.use(await startLink({ upstream: centre.url }))
  const agent = opening.use(await startAgent({ directory: journey.at('node'), central: nodeLink.url }))
  const opened = opening.move()
  return {
    works,
    vendor: source,
    upstreamLink,
    nodeLink,
    centre,
    agent,
    push: (image, tag) => works.push(image, { url: source.url, host: upstreamLink.host }, `app:${tag}`),
    async resetCounters() {
      await Promise.all([upstreamLink.resetCounters(), nodeLink.resetCounters()])
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

interface Versions {
  readonly v1: { readonly index: MadeIndex; readonly image: MadeImage }
  readonly v2: { readonly index: MadeIndex; readonly image: MadeImage }
  /** Bytes of blobs, by digest, that version 2 has and version 1 has not. */
  readonly newBlobs: Readonly<Record<string, number>>
}

const sharedLayers = [400_000, 250_000]

/** Two versions for two platforms; for each platform all layers but the last are those of both versions. */
async function makeVersions({ make, layout }: ImageWorks): Promise<Versions> {
  const version = async (lastLayer: number): Promise<Versions['v1']> => {
    const image = await make({ layerSizes: [...sharedLayers, lastLayer], seed: 'app' })
    const other = await make({ layerSizes: [300_000, lastLayer], seed: 'other', platform: otherPlatform })
    return { index: await makeIndex(layout, [image, other]), image }
  }
  const [v1, v2] = [await version(50_000), await version(60_000)]
  const old = new Set(blobsOf(v1.image).map(({ digest }) => digest))
  const added = blobsOf(v2.image).filter(({ digest }) => !old.has(digest))
  return { v1, v2, newBlobs: Object.fromEntries(added.map(({ digest, size }) => [digest, size])) }
}

function blobsOf({ config, layers }: MadeImage): readonly { digest: Digest; size: number }[] {
  return [config, ...layers]
}

function crossed({ sinceReset }: LinkStats): Record<string, number> {
  return Object.fromEntries(Object.entries(sinceReset.blobs).map(([digest, { bytes }]) => [digest, bytes]))
}

describe('version 2 of an image', () => {
  it('crosses both links with its new layers only, under another tag', async () => {
    await using journey = await openJourney()
    await using chain = await openChain(journey)
    const { works, centre, agent, upstreamLink, nodeLink } = chain
    const { v1, v2, newBlobs } = await makeVersions(works)
    expect(Object.keys(newBlobs)).toHaveLength(2) // The config and the last layer.
    const first = await chain.push(v1.index, 'v1')
    const second = await chain.push(v2.index, 'v2')

    await writeImageCache(centre.caches, { name: 'app', images: [first.reference] })
    await untilHeld(agent.layout, [first])
    const all = Object.fromEntries(blobsOf(v1.image).map(({ digest, size }) => [digest, size]))
    expect(crossed(await upstreamLink.stats())).toEqual(all)
    expect(crossed(await nodeLink.stats())).toEqual(all)

    await chain.resetCounters()
    await writeImageCache(centre.caches, { name: 'app', images: [second.reference] })
    await untilHeld(agent.layout, [second])
    await untilGone(agent.layout, first)
    expect(crossed(await upstreamLink.stats())).toEqual(newBlobs)
    expect(crossed(await nodeLink.stats())).toEqual(newBlobs)
    await expectOldBlobsGone(agent, v1.image, v2.image)
    await untilHeld(agent.layout, [second])
  })

  it('crosses both links with its new layers only, when a tag moves', async () => {
    await using journey = await openJourney()
    await using chain = await openChain(journey, ['--image-cache-refresh-frequency', '1s'])
    const { works, centre, agent, upstreamLink, nodeLink } = chain
    const { v1, v2, newBlobs } = await makeVersions(works)
    const first = await chain.push(v1.index, 'latest')
    await writeImageCache(centre.caches, { name: 'app', images: [first.reference] })
    await untilHeld(agent.layout, [first])

    await chain.resetCounters()
    const second = await chain.push(v2.index, 'latest')
    expect(second.reference).toBe(first.reference)
    await untilHeld(agent.layout, [second])
    expect(crossed(await upstreamLink.stats())).toEqual(newBlobs)
    expect(crossed(await nodeLink.stats())).toEqual(newBlobs)
    await expectOldBlobsGone(agent, v1.image, v2.image)
    await untilHeld(agent.layout, [second])
  })
})

/** What only the version before needed leaves the node; it holds more of neither than it must. */
async function expectOldBlobsGone({ layout }: Agent, before: MadeImage, after: MadeImage): Promise<void> {
  const needed = new Set(blobsOf(after).map(({ digest }) => digest))
  const old = blobsOf(before).filter(({ digest }) => !needed.has(digest))
  for (const { digest } of old) {
    await eventually(async () => !(await hasBlob(layout, digest)), { what: `${digest} gone`, withinMs: 20_000 })
  }
}
