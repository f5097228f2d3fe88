import { execa } from 'execa'
import { expect, it } from 'vitest'
import { startAgent, type Agent } from '../harness/agent.ts'
import { startCentre, type Centre } from '../harness/centre.ts'
import { startDockerRegistry } from '../harness/docker-registry.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { imageOnDisk, type ImageInQuestion } from '../harness/image-on-disk.ts'
import { openJourney } from '../harness/journey.ts'
import { machinePlatform, otherPlatform } from '../harness/machine-platform.ts'
import { requirePart } from '../harness/require-part.ts'
import { imageAt, openImageWorks, type PushTarget } from '../harness/source-registry.ts'
import { askCentre } from '../harness/stowage-get.ts'
import { testSeed } from '../harness/test-seed.ts'
import { rootInLayout, verifyLayout } from '../harness/verify-layout.ts'
import { watchTruth } from '../harness/watch-truth.ts'
import { makeIndex, type MadeImage, type MadeIndex } from '../image-maker/make-image.ts'
import { startLink, type RunningLink } from '../link/start-link.ts'
import { disturbanceCounts, planDisturbances, type Disturbance } from './disturbances.ts'

const mebibyte = 1024 * 1024
const repository = 'site/app'

interface Scene {
  readonly centre: Centre
  readonly agent: Agent
  /** Between the agent and the centre. */
  readonly link: RunningLink
  readonly image: ImageInQuestion
}

requirePart('docker-registry', 'skopeo')('an image behind a link that is cut again and again', () => {
  it('crosses the link once, whatever dies, and nobody is told more than is true', async () => {
    const seed = testSeed('cut links')
    const startedAt = performance.now()
    await using journey = await openJourney()
    await using registry = await startDockerRegistry({ directory: journey.at('registry') })
    const { image, index } = await pushImage(journey.at('made'), registry)
    await using upstream = await startLink({ upstream: registry.url, rate: 10_000_000 })
    const { reference: name, expected } = imageAt(`${upstream.host}/${repository}:v1`, index.index)
    await using centre = await startCentre({ directory: journey.at('centre') })
    await using link = await startLink({ upstream: centre.url, rate: 5_000_000, delayMs: 15, jitterMs: 5, seed })
    const flags = ['--stall-timeout', '5s']
    await using agent = await startAgent({ directory: journey.at('node'), central: link.url, flags })
    const scene = { centre, agent, link, image: { name, root: expected.root, image } }
    await using watch = watchTruth({ central: centre.url, agent, images: [scene.image] })

    await writeImageCache(centre.caches, { name: 'site', images: [name] })
    await untilCarried(upstream, image.size / 3)
    await centre.kill()
    await centre.start()
    const plan = planDisturbances({ seed, from: 2 * mebibyte, to: image.size - 4 * mebibyte })
    for (const disturbance of plan) await disturb(disturbance, scene)
    await eventually(() => isDone(scene), { what: `${name} called present`, withinMs: 90_000 })

    const truth = await watch.stop()
    const [{ total, cuts }, toCentre] = [await link.stats(), (await upstream.stats()).total]
    const ratios = { toNode: total.blobBytes / image.size, toCentre: toCentre.blobBytes / image.size }
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    console.log('cut links:', { imageBytes: image.size, ...ratios, cuts, ...disturbanceCounts, seconds, truth })
    expect(truth.lies).toEqual([])
    expect(ratios.toNode).toBeLessThanOrEqual(1.02)
    expect(ratios.toCentre).toBeLessThanOrEqual(1.02)
    expect(cuts).toBeGreaterThanOrEqual(10)
    expect(truth.cliSamples).toBeGreaterThanOrEqual(3)
    expect(truth.partly).toBeGreaterThanOrEqual(10)
    expect(truth.offline).toBeGreaterThanOrEqual(1)
    await verifyLayout(agent.layout, expected)
    await copyOut({ layout: agent.layout, name, to: journey.at('copied'), image })
  })
})

/** Three large layers for this machine, and a small image for another, which must not cross any link. */
async function pushImage(directory: string, registry: PushTarget): Promise<{ image: MadeImage; index: MadeIndex }> {
  const works = await openImageWorks(directory)
  const image = await works.make({ seed: 'cut', layerSizes: [40, 30, 25].map((size) => size * mebibyte) })
  const other = await works.make({ seed: 'other', layerSizes: [3 * mebibyte], platform: otherPlatform })
  const index = await makeIndex(works.layout, [other, image])
  await works.push(index, registry, `${repository}:v1`)
  return { image, index }
}

async function untilCarried(link: RunningLink, bytes: number): Promise<void> {
  const isCarried = async (): Promise<boolean> => (await link.stats()).total.blobBytes >= bytes
  await eventually(isCarried, { what: `a link carries ${bytes} bytes of blobs`, withinMs: 60_000, everyMs: 20 })
}

async function disturb({ kind, atBytes, durationMs }: Disturbance, scene: Scene): Promise<void> {
  const { agent, centre, link, image } = scene
  await untilCarried(link, atBytes)
  expect(await rootInLayout(agent.layout, image.name), 'the transfer is not over yet').toBeUndefined()
  switch (kind) {
    case 'reset':
    case 'silence':
      await link.cut(kind, { durationMs })
      break
    case 'forget':
      await link.cut('silence', { durationMs, forget: true })
      break
    case 'overdue':
      await link.cut('silence')
      await eventually(() => isCalledOffline(scene), { what: `${agent.node} called offline`, withinMs: 30_000 })
      await link.up()
      break
    case 'kill-agent-in-silence':
      await link.cut('silence')
      await untilAllIsWritten(scene)
      await agent.kill()
      await agent.start()
      await link.up()
      break
    case 'kill-agent':
      await agent.kill()
      await agent.start()
      break
    case 'kill-centre':
      await centre.kill()
      await centre.start()
      break
  }
}

/** Resolves when no part file grows any more: behind a silent link, when nothing is left in buffers. */
async function untilAllIsWritten({ agent, image }: Scene): Promise<void> {
  const bytes = async (): Promise<number> => (await imageOnDisk(agent, image)).bytes
  let before = await bytes()
  const isStill = async (): Promise<boolean> => before === (before = await bytes())
  await eventually(isStill, { what: 'part files that do not grow', everyMs: 100 })
}

/** By the words of the centre. */
async function isDone({ centre, image }: Scene): Promise<boolean> {
  const [cache] = await askCentre('caches', centre.url)
  const images = await askCentre('images', centre.url)
  return cache?.status === 'Succeeded' && images.some((view) => view.name === image.name && view.state === 'present')
}

/** Of node and image alike. */
async function isCalledOffline({ centre, agent }: Scene): Promise<boolean> {
  const nodes = await askCentre('nodes', centre.url)
  const images = await askCentre('images', centre.url)
  return [...nodes.filter(({ name }) => name === agent.node), ...images].every(({ online }) => !online)
}

/** Takes the image out of the node's layout with a tool that is not ours. */
async function copyOut(options: { layout: string; name: string; to: string; image: MadeImage }): Promise<void> {
  const { layout, name, to, image } = options
  await execa('skopeo', ['copy', `oci:${layout}:${name}`, `oci:${to}:copy`])
  const root = image.manifest.digest
  expect(await rootInLayout(to, 'copy')).toBe(root)
  await verifyLayout(to, { name: 'copy', root, ...machinePlatform })
}
