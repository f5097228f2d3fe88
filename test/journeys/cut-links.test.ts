import { execa } from 'execa'
import { expect, it } from 'vitest'
import { startAgent } from '../harness/agent.ts'
import { startCentre } from '../harness/centre.ts'
import { startDockerRegistry } from '../harness/docker-registry.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { imageOnDisk } from '../harness/image-on-disk.ts'
import { openJourney } from '../harness/journey.ts'
import { machinePlatform, otherPlatform } from '../harness/machine-platform.ts'
import { requirePart } from '../harness/require-part.ts'
import { imageAt, openImageWorks, type PushTarget } from '../harness/source-registry.ts'
import { testSeed } from '../harness/test-seed.ts'
import { rootInLayout, verifyLayout } from '../harness/verify-layout.ts'
import { watchTruth } from '../harness/watch-truth.ts'
import { makeIndex, type MadeImage, type MadeIndex } from '../image-maker/make-image.ts'
import { startLink } from '../link/start-link.ts'
import { disturbAll, untilCarried, untilSucceeded } from './disturb.ts'
import { planDisturbances } from './disturbances.ts'

const mebibyte = 1024 * 1024
const repository = 'site/app'

const counts = {
  reset: 5,
  silence: 2,
  forget: 1,
  overdue: 1,
  'kill-agent': 3,
  'kill-agent-in-silence': 3,
  'kill-centre': 1,
} as const

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
    const images = [{ name, root: expected.root, image }] as const
    await using watch = watchTruth({
      central: centre.url,
      node: agent.node,
      look: (image) => imageOnDisk(agent, image),
      images,
    })

    await writeImageCache(centre.caches, { name: 'site', images: [name] })
    await untilCarried(async () => (await upstream.stats()).total.blobBytes, image.size / 3)
    await centre.kill()
    await centre.start()
    const scene = {
      centre,
      agent,
      link,
      carried: async () => (await link.stats()).total.blobBytes,
      look: () => imageOnDisk(agent, images[0]),
      watch,
    }
    const plan = planDisturbances({ seed, counts, from: 2 * mebibyte, to: image.size - 4 * mebibyte })
    await disturbAll(plan, scene)
    await untilSucceeded(centre, name)

    const truth = await watch.stop()
    const [{ total, cuts }, toCentre] = [await link.stats(), (await upstream.stats()).total]
    const ratios = { toNode: total.blobBytes / image.size, toCentre: toCentre.blobBytes / image.size }
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    console.log('cut links:', { imageBytes: image.size, ...ratios, cuts, ...counts, seconds, truth })
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

/** Takes the image out of the node's layout with a tool that is not ours. */
async function copyOut(options: { layout: string; name: string; to: string; image: MadeImage }): Promise<void> {
  const { layout, name, to, image } = options
  await execa('skopeo', ['copy', `oci:${layout}:${name}`, `oci:${to}:copy`])
  const root = image.manifest.digest
  expect(await rootInLayout(to, 'copy')).toBe(root)
  await verifyLayout(to, { name: 'copy', root, ...machinePlatform })
}
