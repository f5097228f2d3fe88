import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { startAgent, type Agent } from '../harness/agent.ts'
import { startCentre, type Centre } from '../harness/centre.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { partBytes } from '../harness/image-on-disk.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { machinePlatform } from '../harness/machine-platform.ts'
import { untilHeld } from '../harness/node-files.ts'
import { openImageWorks, startSourceRegistry, type PushedImage } from '../harness/source-registry.ts'
import { hasBlob, namesInLayout } from '../harness/verify-layout.ts'
import { makeImage } from '../image-maker/make-image.ts'
import { randomLayer } from '../image-maker/small-image.ts'
import { startLink, type RunningLink } from '../link/start-link.ts'

const mebibyte = 1024 * 1024

interface Offer extends PushedImage {
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  /** The last one. */
  readonly layer: Descriptor
}

interface Site extends AsyncDisposable {
  readonly centre: Centre
  readonly link: RunningLink
  readonly agent: Agent
  /** Puts an image into the registry. Layers of one seed and size are one layer. */
  offer(name: string, layers: readonly { seed: string; size: number }[]): Promise<Offer>
  /** Replaces the list of the one ImageCache. */
  want(...images: readonly PushedImage[]): Promise<void>
}

/** A registry, a centre, and a node behind a link of 4 MB/s. */
async function openSite(journey: Journey): Promise<Site> {
  await using opening = new AsyncDisposableStack()
  const works = await openImageWorks(journey.at('made'))
  const registry = opening.use(await startSourceRegistry({ directory: journey.at('registry') }))
  const centre = opening.use(await startCentre({ directory: journey.at('centre') }))
  const link = opening.use(await startLink({ upstream: centre.url, rate: 4_000_000, delayMs: 5 }))
  const agent = opening.use(await startAgent({ directory: journey.at('node'), central: link.url }))
  const opened = opening.move()
  return {
    centre,
    link,
    agent,
    async offer(name, layers) {
      const specs = layers.map(({ seed, size }) => randomLayer(size, seed))
      const image = await makeImage({ layout: works.layout, platform: machinePlatform, layers: specs })
      const { config, layers: made } = image
      return { ...(await works.push(image, registry, `${name}:1`)), config, layers: made, layer: made.at(-1)! }
    },
    want: (...images) =>
      writeImageCache(centre.caches, { name: 'site', images: images.map(({ reference }) => reference) }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

describe('a node whose centre is away', () => {
  it('obeys its last assignment after a restart, and fetches nothing twice when the centre is back', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const { agent, centre, link } = site
    const offer = (name: string, size: number): Promise<Offer> => site.offer(name, [{ seed: name, size }])
    const stays = await offer('stays', mebibyte)
    const nameless = await offer('nameless', mebibyte)
    const torn = await offer('torn', 2 * mebibyte)
    const half = await offer('half', 16 * mebibyte)
    await site.want(stays, nameless, torn)
    await untilHeld(agent.layout, [stays, nameless, torn])
    await site.want(stays, nameless, torn, half)
    await untilInPart(agent, half.layer, 6 * mebibyte)
    await agent.kill()
    await centre.kill()
    const halfBytes = (await partBytes(agent.parts, half.layer.digest)) ?? 0
    await takeNameAway(agent.layout, nameless.reference)
    await rm(path.join(agent.layout, 'blobs', ...torn.layer.digest.split(':')))
    await link.resetCounters()

    await agent.start()
    await untilHeld(agent.layout, [stays, nameless])
    for (const { reference } of [torn, half]) await untilItSaysWhyNot(agent, reference)
    expect(await namesInLayout(agent.layout)).toContain(torn.reference)
    expect(await partBytes(agent.parts, half.layer.digest)).toBe(halfBytes)
    expect(agent.isRunning()).toBe(true)

    await centre.start()
    await untilHeld(agent.layout, [stays, nameless, torn, half])
    const { blobs } = (await link.stats()).sinceReset
    expect(Object.fromEntries(Object.entries(blobs).map(([digest, { bytes }]) => [digest, bytes]))).toEqual({
      [torn.layer.digest]: torn.layer.size,
      [half.layer.digest]: half.layer.size - halfBytes,
    })
  })
})

describe('an assignment that changes in mid-transfer', () => {
  it('drops what is no longer wanted, and nothing else', async () => {
    await using journey = await openJourney()
    await using site = await openSite(journey)
    const { agent, link } = site
    const shared = { seed: 'shared', size: 12 * mebibyte }
    const dropped = await site.offer('dropped', [shared, { seed: 'dropped', size: 16 * mebibyte }])
    const kept = await site.offer('kept', [shared, { seed: 'kept', size: 12 * mebibyte }])
    const added = await site.offer('added', [{ seed: 'added', size: mebibyte }])
    await site.want(dropped, kept)
    for (const { layer } of [dropped, kept]) await untilInPart(agent, layer, 2 * mebibyte)
    await using growth = watchPart(agent, kept.layer)

    await site.want(kept, added)
    await untilHeld(agent.layout, [added])
    expect(await hasBlob(agent.layout, kept.layer.digest), 'the kept image is still on its way').toBe(false)
    const droppedBytes = (await link.stats()).total.blobs[dropped.layer.digest]?.bytes
    await untilHeld(agent.layout, [kept])

    expect(growth.shrunk()).toEqual([])
    const { blobs } = (await link.stats()).total
    for (const { digest, size } of [kept, added].flatMap(({ config, layers }) => [config, ...layers])) {
      expect(blobs[digest], digest).toEqual({ responses: 1, bytes: size })
    }
    expect(blobs[dropped.layer.digest]?.bytes).toBe(droppedBytes)
    expect(droppedBytes).toBeLessThan(dropped.layer.size)
    await eventually(() => isGone(agent, dropped), { what: 'the half of the dropped image gone' })
  })
})

/** Resolves when so many bytes of a blob lie in its part file. */
async function untilInPart({ parts }: Agent, { digest }: Descriptor, bytes: number): Promise<void> {
  const isThere = async (): Promise<boolean> => ((await partBytes(parts, digest)) ?? 0) >= bytes
  await eventually(isThere, { what: `${bytes} bytes of ${digest} in a part file`, withinMs: 60_000, everyMs: 20 })
}

/** What was wanted for a while is kept until all that is wanted now is there; then nothing of its own is left. */
async function isGone({ layout, parts }: Agent, { config, layer }: Offer): Promise<boolean> {
  if ((await partBytes(parts, layer.digest)) !== undefined) return false
  return !(await hasBlob(layout, config.digest))
}

/** Resolves when the agent has said in its log that it tried in vain. */
async function untilItSaysWhyNot(agent: Agent, name: string): Promise<void> {
  const says = (line: string): boolean => line.includes(`"subject":"${name} `) && line.includes('"msg":"try failed"')
  await eventually(() => agent.program().lines().some(says), { what: `a word on why ${name} is not there` })
}

interface PartWatch extends AsyncDisposable {
  /** Sizes before and after, for each time that the part file became shorter. */
  shrunk(): readonly (readonly [number, number])[]
}

/** Looks at the size of a part file again and again. */
function watchPart({ parts }: Agent, { digest }: Descriptor): PartWatch {
  const over = new AbortController()
  const shrunk: [number, number][] = []
  async function look(): Promise<void> {
    for (let before = 0; !over.signal.aborted; await delay(20)) {
      const bytes = await partBytes(parts, digest)
      if (bytes === undefined) continue // Not begun, or in the layout.
      if (bytes < before) shrunk.push([before, bytes])
      before = bytes
    }
  }
  const looking = look()
  return {
    shrunk: () => shrunk,
    async [Symbol.asyncDispose]() {
      over.abort()
      await looking
    },
  }
}

/** As somebody might who cleans up by hand; the blobs stay. */
async function takeNameAway(layout: string, name: string): Promise<void> {
  const file = path.join(layout, 'index.json')
  const index = JSON.parse(await readFile(file, 'utf8')) as { manifests: { annotations?: Record<string, string> }[] }
  const manifests = index.manifests.filter(({ annotations }) => !Object.values(annotations ?? {}).includes(name))
  expect(manifests).toHaveLength(index.manifests.length - 1)
  await writeFile(file, JSON.stringify({ ...index, manifests }))
}
