import { readdir, stat } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { busyboxLayer } from '../harness/containerd/busybox-layer.ts'
import { openContainerdGlance, type ContainerdGlance } from '../harness/containerd/containerd-glance.ts'
import { digestName } from '../harness/containerd/image-in-containerd.ts'
import { importPauseImage } from '../harness/containerd/pause-image.ts'
import { runContainer } from '../harness/containerd/run-container.ts'
import { startContainerd, type Containerd } from '../harness/containerd/start-containerd.ts'
import { stockOf, type Stock } from '../harness/containerd/stock.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { machinePlatform } from '../harness/machine-platform.ts'
import { projectDirectory } from '../harness/project-directory.ts'
import { requirePart } from '../harness/require-part.ts'
import { untilPresent } from '../harness/said-of-image.ts'
import { openSite, type Site } from '../harness/site.ts'
import type { PushedImage } from '../harness/source-registry.ts'
import { testCount } from '../harness/test-count.ts'
import { testSeed } from '../harness/test-seed.ts'
import type { LayerSpec } from '../image-maker/layer-spec.ts'
import { makeImage, sizeOf, type MadeImage } from '../image-maker/make-image.ts'
import { randomLayer } from '../image-maker/small-image.ts'
import { planKills, type Kill, type Phase, type Round } from './kill-plan.ts'
import { createKillTally, type KillTally } from './kill-tally.ts'

const count = testCount('STOWAGE_KILLS', 20)
const bytesPerSecond = 8_000_000
/** What may be under way to an agent, and lost with it: what the kernel holds of three connections for a busy one. */
const lostWithAnAgent = 3 * 512 * 1024

interface Scene {
  readonly site: Site
  readonly containerd: Containerd
  readonly glance: ContainerdGlance
  readonly pushed: PushedImage
  readonly image: MadeImage
  /** Another image, with one of its layers, that nobody takes away. */
  readonly stays: PushedImage
  /** Bytes that a node must fetch for the image that has the other. */
  readonly newBytes: number
  /** What must stay of it as blobs, beside what the other has. */
  readonly kept: readonly Descriptor[]
  /** What containerd has without the image. */
  readonly bare: Stock
}

const cases = [
  { release: 'containerd', retain: 'none' },
  { release: 'containerd-2', retain: 'blobs' },
] as const

for (const { release, retain } of cases) {
  const node = `an agent that retains ${retain}, on ${release},`
  requirePart(release, 'busybox')(`${node} of which one is killed again and again`, () => {
    const words = 'brings the image whole or not at all, leaves nothing half behind, and fetches nothing twice'
    it(words, { timeout: 120_000 + count * 15_000 }, async () => {
      const plan = planKills({ seed: testSeed(`kills with ${release}, retaining ${retain}`), count })
      await using journey = await openJourney()
      await using containerd = await startContainerd({ directory: journey.at('c'), release })
      await importPauseImage(containerd)
      using glance = openContainerdGlance(containerd)
      await using site = await openSite(journey, {
        agent: { runtime: `containerd:${containerd.files.socket}`, flags: ['--retain', retain] },
      })
      await site.link.shape({ downBytesPerSecond: bytesPerSecond })
      const { image, pushed, stays } = await pushImages(site)
      await writeImageCache(site.centre.caches, { name: 'shop', images: [stays.reference] })
      await untilPresent(site.centre, stays)
      await eventually(async () => (await stockOf(containerd)).leases.length === 0)
      const newLayers = image.layers.slice(1)
      const newBytes = sizeOf([image.config, ...newLayers])
      const kept = [image.manifest, image.config, ...(retain === 'blobs' ? newLayers : [])]
      const bare = await stockOf(containerd)
      const scene = { site, containerd, glance, image, pushed, stays, newBytes, kept, bare }

      const isRight = await bringUndisturbed(scene)
      const tally = createKillTally()
      for (const round of plan) await playRound(round, scene, tally)
      await site.agent.stop()
      await site.agent.start()
      await want(scene)
      await untilWhole(scene)
      await isRight()
      await wantNoMore(scene)
      await untilNothingIsLeft(scene)
      console.log(`kills with containerd ${containerd.programs.version}, retaining ${retain}:`, tally.summary(newBytes))
      expect(site.agent.isRunning()).toBe(true)
    })
  })
}

/** Programs in layers with many files, and a layer that does not compress; and another image with one of its layers. */
async function pushImages({ works, source }: Site): Promise<Pick<Scene, 'image' | 'pushed' | 'stays'>> {
  const modules = (...names: string[]): LayerSpec => ({
    entries: names.map((name) => ({
      path: `app/${name}`,
      from: { tree: path.join(projectDirectory, 'node_modules', name) },
    })),
    compression: { gzip: 1 },
  })
  const layers = [
    busyboxLayer(),
    modules('prettier', 'zod', 'yaml'),
    randomLayer(6_000_000, 'kills'),
    modules('fastify', 'protobufjs', '@grpc', 'fast-check', 'typescript'),
  ]
  const common = { layout: works.layout, platform: machinePlatform, config: { Env: ['PATH=/bin'] } }
  const image = await makeImage({ ...common, layers })
  const base = await makeImage({ ...common, layers: image.layers.slice(0, 1) })
  return {
    image,
    pushed: await works.push(image, source, 'app:v1'),
    stays: await works.push(base, source, 'base:v1'),
  }
}

/** Resolves with a look whether an image that was brought otherwise has the same files. */
async function bringUndisturbed(scene: Scene): Promise<() => Promise<void>> {
  await want(scene)
  await untilWhole(scene)
  const files = await filesOf(scene)
  expect(files).toMatch(/^[0-9a-f]{64}/)
  await wantNoMore(scene)
  await untilNothingIsLeft(scene)
  return async () => expect(await filesOf(scene)).toBe(files)
}

/** The digest of the digests of all files, as a container that runs from the image prints it. */
async function filesOf({ containerd, pushed }: Scene): Promise<string> {
  const applet = (text: string): string => text.replaceAll('@', 'busybox ')
  const script = applet('@find app bin data -type f -print0 | @sort -z | @xargs -0 busybox sha256sum | @sha256sum')
  const command = ['busybox', 'sh', '-c', script]
  await using container = await runContainer(containerd, { image: pushed.reference, command })
  expect(await container.exited()).toBe(0)
  return container.output()
}

async function want({ site, pushed, stays }: Scene): Promise<void> {
  await writeImageCache(site.centre.caches, { name: 'shop', images: [stays.reference, pushed.reference] })
}

async function wantNoMore({ site, stays }: Scene): Promise<void> {
  await writeImageCache(site.centre.caches, { name: 'shop', images: [stays.reference] })
}

async function playRound({ direction, isGivenUp, kills }: Round, scene: Scene, tally: KillTally): Promise<void> {
  const before = await crossed(scene)
  await (direction === 'bring' ? want(scene) : wantNoMore(scene))
  let agentsLost = 0
  for (const kill of kills) {
    const at = await carryOut(kill, direction, scene)
    tally.killed(kill, at)
    if (kill.victim !== 'containerd') agentsLost += 1
  }
  if (isGivenUp) return tally.givenUp()
  if (direction === 'take') return untilNothingIsLeft(scene)
  await untilWhole(scene)
  const bytes = (await crossed(scene)) - before
  tally.brought(bytes, agentsLost)
  expect(bytes).toBeLessThanOrEqual(scene.newBytes + agentsLost * lostWithAnAgent)
}

async function crossed({ site }: Scene): Promise<number> {
  return (await site.link.stats()).total.blobBytes
}

/** Waits for the moment and kills; resolves, when all runs again, with where things stood. */
async function carryOut(kill: Kill, direction: Round['direction'], scene: Scene): Promise<string> {
  const { victim, delayMs, pauseMs } = kill
  const { site, containerd } = scene
  const isHit = await untilAim(kill, direction, scene)
  await delay(delayMs)
  const at = isHit
    ? `aimed at ${kill.aim}`
    : `by chance at ${(await phasesNow(direction, scene)).join(' and ') || 'rest'}`
  expect(site.agent.isRunning(), 'nothing but a kill ends an agent').toBe(true)
  const victims = [victim === 'containerd' ? [] : site.agent, victim === 'agent' ? [] : containerd].flat()
  await Promise.all(victims.map((program) => program.kill()))
  await delay(pauseMs)
  await Promise.all(victims.map((program) => program.start()))
  return at
}

/** Resolves with whether what is aimed at was seen; not, if all was over before. */
async function untilAim({ aim }: Kill, direction: Round['direction'], scene: Scene): Promise<boolean> {
  if (aim === undefined) return false
  const isSeen = phasesOf(direction, scene)[aim]
  const look = async (): Promise<'seen' | 'over' | undefined> => {
    if (await isSeen()) return 'seen'
    return (await isOver(direction, scene)) ? 'over' : undefined
  }
  return (await eventually(look, { what: `${aim} or the end`, withinMs: 60_000, everyMs: 3 })) === 'seen'
}

/** How to see where things stand, each as fast as it can be seen. */
function phasesOf(direction: Round['direction'], scene: Scene): Readonly<Record<Phase, () => Promise<boolean>>> {
  const { site, containerd, glance, bare } = scene
  const isHeld = async (): Promise<boolean> => (await glance.leases()).length > 0
  const isNamed = async (): Promise<boolean> => (await glance.names()).some((name) => !bare.names.includes(name))
  const both = async (named: boolean): Promise<boolean> => {
    const [held, nameIsThere] = await Promise.all([isHeld(), isNamed()])
    return held && nameIsThere === named
  }
  return {
    fetching: async () => (await readdir(site.agent.parts)).length > 0,
    ingesting: () => isLayerIngested(containerd),
    unpacking: async () => (await glance.snapshots()).active.length > 0,
    naming: async () => direction === 'bring' && both(true),
    'taking names': async () => direction === 'take' && both(true),
    collecting: async () => direction === 'take' && both(false),
  }
}

async function phasesNow(direction: Round['direction'], scene: Scene): Promise<string[]> {
  const all = Object.entries(phasesOf(direction, scene))
  const seen = await Promise.all(all.map(async ([phase, isSeen]) => ((await isSeen()) ? [phase] : [])))
  return seen.flat()
}

async function isOver(direction: Round['direction'], { glance, pushed, bare }: Scene): Promise<boolean> {
  const [leases, names] = await Promise.all([glance.leases(), glance.names()])
  if (leases.length > 0) return false
  return direction === 'bring' ? names.includes(pushed.reference) : names.length === bare.names.length
}

/** Manifests are over before one looks; a layer takes its time. */
async function isLayerIngested({ files }: Containerd): Promise<boolean> {
  const sizeOf = (ingest: string): Promise<number> =>
    stat(path.join(files.ingests, ingest, 'data')).then(
      ({ size }) => size,
      () => 0,
    )
  const sizes = await Promise.all((await readdir(files.ingests)).map(sizeOf))
  return sizes.some((size) => size > 100_000)
}

/** Resolves when the image is there and nothing else of it, and the centre says so. */
async function untilWhole(scene: Scene): Promise<void> {
  const { site, containerd, pushed, image, kept, bare } = scene
  await untilPresent(site.centre, pushed)
  const isTidy = async (): Promise<boolean> => {
    const { snapshots, ...stock } = await stockOf(containerd)
    const content = [...bare.content, ...kept.map(({ digest }) => digest)].toSorted()
    const names = namesWith(scene)
    expect(stock).toEqual({ content, names, ingests: [], activeSnapshots: [], leases: [] })
    // The lowest layer is one of the other image's, too.
    expect(snapshots).toHaveLength(bare.snapshots.length + image.layers.length - 1)
    expect(await readdir(site.agent.parts)).toEqual([])
    return true
  }
  await eventually(isTidy, { what: 'the image whole, and nothing half beside it', withinMs: 60_000 })
  const listed = await containerd.cri.imageStatus(pushed.reference)
  expect(listed).toMatchObject({ id: image.config.digest, repoTags: [pushed.reference] })
  expect(listed?.repoDigests).toEqual([digestName(pushed.reference, pushed.root.digest)])
}

function namesWith({ bare, pushed, image }: Scene): string[] {
  return [
    ...bare.names,
    pushed.reference,
    digestName(pushed.reference, pushed.root.digest),
    image.config.digest,
  ].toSorted()
}

async function untilNothingIsLeft({ site, containerd, bare }: Scene): Promise<void> {
  const isBare = async (): Promise<boolean> => {
    expect(await stockOf(containerd)).toEqual(bare)
    expect(await readdir(site.agent.parts)).toEqual([])
    return true
  }
  await eventually(isBare, { what: 'nothing of the image', withinMs: 60_000 })
}
