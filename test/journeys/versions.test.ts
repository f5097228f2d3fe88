import { describe, expect, it } from 'vitest'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { Agent } from '../harness/agent.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { otherPlatform } from '../harness/machine-platform.ts'
import { untilGone, untilHeld } from '../harness/node-files.ts'
import { openSite, type Site } from '../harness/site.ts'
import type { ImageWorks, PushedImage } from '../harness/source-registry.ts'
import { hasBlob } from '../harness/verify-layout.ts'
import { makeIndex, type MadeImage, type MadeIndex } from '../image-maker/make-image.ts'
import type { LinkStats } from '../link/link-protocol.ts'
import { startLink, type RunningLink } from '../link/start-link.ts'

/** A site, with one more link that counts: between the vendor's registry and the centre. */
interface Chain extends Site {
  readonly upstreamLink: RunningLink
  /** Pushes as `app:TAG` past the link; the centre reaches it through the link. */
  pushApp(image: MadeIndex, tag: string): Promise<PushedImage>
  resetCounters(): Promise<void>
}

async function openChain(journey: Journey, flags: readonly string[] = []): Promise<Chain> {
  await using opening = new AsyncDisposableStack()
  const site = opening.use(await openSite(journey, { centre: { flags } }))
  const upstreamLink = opening.use(await startLink({ upstream: site.source.url }))
  const opened = opening.move()
  return {
    ...site,
    upstreamLink,
    pushApp: (image, tag) => site.works.push(image, { url: site.source.url, host: upstreamLink.host }, `app:${tag}`),
    async resetCounters() {
      await Promise.all([upstreamLink.resetCounters(), site.link.resetCounters()])
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
async function makeVersions(works: ImageWorks): Promise<Versions> {
  const version = async (lastLayer: number): Promise<Versions['v1']> => {
    const image = await works.make({ layerSizes: [...sharedLayers, lastLayer], seed: 'app' })
    const other = await works.make({ layerSizes: [300_000, lastLayer], seed: 'other', platform: otherPlatform })
    return { index: await makeIndex(works.layout, [image, other]), image }
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
    const { works, centre, agent, upstreamLink, link } = chain
    const { v1, v2, newBlobs } = await makeVersions(works)
    expect(Object.keys(newBlobs)).toHaveLength(2) // The config and the last layer.
    const first = await chain.pushApp(v1.index, 'v1')
    const second = await chain.pushApp(v2.index, 'v2')

    await writeImageCache(centre.caches, { name: 'app', images: [first.reference] })
    await untilHeld(agent.layout, [first])
    const all = Object.fromEntries(blobsOf(v1.image).map(({ digest, size }) => [digest, size]))
    expect(crossed(await upstreamLink.stats())).toEqual(all)
    expect(crossed(await link.stats())).toEqual(all)

    await chain.resetCounters()
    await writeImageCache(centre.caches, { name: 'app', images: [second.reference] })
    await untilHeld(agent.layout, [second])
    await untilGone(agent.layout, first)
    expect(crossed(await upstreamLink.stats())).toEqual(newBlobs)
    expect(crossed(await link.stats())).toEqual(newBlobs)
    await expectOldBlobsGone(agent, v1.image, v2.image)
    await untilHeld(agent.layout, [second])
  })

  it('crosses both links with its new layers only, when a tag moves', async () => {
    await using journey = await openJourney()
    await using chain = await openChain(journey, ['--image-cache-refresh-frequency', '1s'])
    const { works, centre, agent, upstreamLink, link } = chain
    const { v1, v2, newBlobs } = await makeVersions(works)
    const first = await chain.pushApp(v1.index, 'latest')
    await writeImageCache(centre.caches, { name: 'app', images: [first.reference] })
    await untilHeld(agent.layout, [first])

    await chain.resetCounters()
    const second = await chain.pushApp(v2.index, 'latest')
    expect(second.reference).toBe(first.reference)
    await untilHeld(agent.layout, [second])
    expect(crossed(await upstreamLink.stats())).toEqual(newBlobs)
    expect(crossed(await link.stats())).toEqual(newBlobs)
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
