import { setTimeout as delay } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { startAgent } from '../harness/agent.ts'
import { startCentre, type Centre } from '../harness/centre.ts'
import { openContainerdGlance, type ContainerdGlance } from '../harness/containerd/containerd-glance.ts'
import { digestName, imageInContainerd } from '../harness/containerd/image-in-containerd.ts'
import { runContainer } from '../harness/containerd/run-container.ts'
import { startContainerd, type Containerd } from '../harness/containerd/start-containerd.ts'
import { startDockerRegistry, type DockerRegistry } from '../harness/docker-registry.ts'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { requirePart } from '../harness/require-part.ts'
import { openImageWorks, type PushedImage } from '../harness/source-registry.ts'
import { testSeed } from '../harness/test-seed.ts'
import { watchTruth } from '../harness/watch-truth.ts'
import { debianImages, type DebianImage } from '../image-maker/debian-images.ts'
import { forwardPort } from '../net/forward-port.ts'
import { createNamespace, type Namespace } from '../net/namespace.ts'
import { startEmulatedLink, type RunningEmulatedLink } from '../net/start-emulated-link.ts'
import { unreadBytes } from '../net/unread-bytes.ts'
import { disturbAll, untilSucceeded } from './disturb.ts'
import { planDisturbances } from './disturbances.ts'

const mebibyte = 1024 * 1024

const counts = { reset: 3, silence: 6, overdue: 1, 'kill-agent': 5, 'kill-centre': 1 } as const

/**
 * 20 Mbit/s with a round trip of 80 ms, and a modem that lets 40 ms of that wait. What waits is in flight too: with
 * each connection that breaks off it crosses in vain.
 */
const shape = { bitsPerSecond: 20_000_000, delayMs: 40, lossPercent: 0.5, queueBytes: 100_000 }

const parts = ['netns', 'containerd', 'docker-registry', 'busybox', 'debian'] as const

requirePart(...parts)('a Debian image for a containerd behind a thin link that is cut again and again', () => {
  it('crosses once, whatever dies, starts without a link, and nobody is told more than is true', async () => {
    const seed = testSeed('cut links with containerd')
    const startedAt = performance.now()
    await using journey = await openJourney()
    await using centreSpace = await createNamespace('centre')
    await using nodeSpace = await createNamespace('node')
    const { launcher } = nodeSpace
    // One connection's window is then a little more than what the line holds, as on a small machine.
    await nodeSpace.run('sysctl', ['-qw', 'net.ipv4.tcp_rmem=4096 131072 524288'])
    await using link = await startEmulatedLink({ centre: centreSpace, node: nodeSpace, shape, seed })
    await using site = await openCentreSite(journey, centreSpace)
    const { centre, registry, image, pushed } = site
    const name = pushed.reference
    await using containerd = await startContainerd({ directory: journey.at('c'), launcher })
    using glance = openContainerdGlance(containerd)
    await using agent = await startAgent({
      directory: journey.at('node'),
      central: `http://${link.centreAddress}:${new URL(centre.url).port}`,
      runtime: `containerd:${containerd.files.socket}`,
      flags: ['--stall-timeout', '5s'],
      launcher,
    })
    const inQuestion = { name, root: pushed.root.digest, image }
    const look = () => imageInContainerd({ agent, containerd, glance }, inQuestion)
    await using watch = watchTruth({ central: centre.url, node: agent.node, look, images: [inQuestion] })

    await writeImageCache(centre.caches, { name: 'site', images: [name] })
    let unread = 0
    const scene = {
      centre,
      agent,
      link,
      look,
      carried: async () => (await link.stats()).payload.blobBytes,
      watch,
      beforeKill: async () => void (unread += await unreadBytes(nodeSpace)),
    }
    const plan = planDisturbances({ seed, counts, from: 2 * mebibyte, to: image.size - 4 * mebibyte })
    await Promise.all([disturbAll(plan, scene), killInApply(containerd, glance)])
    await untilSucceeded(centre, name)

    const truth = await watch.stop()
    const { cuts, ...figures } = await figuresOf(link, { unread, size: image.size })
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    console.log('cut links with containerd:', { ...figures, cuts, ...counts, seconds, truth })
    await Promise.all([registry.stop(), centre.stop(), link.cut('silence')])
    await expectRunnable(containerd, { pushed, image })
    expect(truth.lies).toEqual([])
    expect(figures.blobs - figures.blobsInFlight - figures.unread).toBeLessThanOrEqual(1.02)
    expect(figures.interface).toBeLessThanOrEqual(1.12)
    expect(cuts).toBeGreaterThanOrEqual(10)
    expect(truth.cliSamples).toBeGreaterThanOrEqual(3)
    expect(truth.partly).toBeGreaterThanOrEqual(10)
    expect(truth.offline).toBeGreaterThanOrEqual(1)
  })
})

interface CentreSite extends AsyncDisposable {
  readonly registry: DockerRegistry
  readonly centre: Centre
  readonly image: DebianImage
  readonly pushed: PushedImage
}

/** A registry with an image, and a centre, in a namespace; both are on 127.0.0.1 from here, over no link. */
async function openCentreSite(journey: Journey, space: Namespace): Promise<CentreSite> {
  const { launcher } = space
  const { layout, v1: image } = await debianImages()
  await using opening = new AsyncDisposableStack()
  const [port, registryPort] = [await freePort(), await freePort()]
  for (const one of [port, registryPort]) opening.use(await forwardPort(space, one))
  const directory = journey.at('registry')
  const registry = opening.use(await startDockerRegistry({ directory, port: registryPort, launcher }))
  const listening = { listenHost: '0.0.0.0', port, launcher }
  const centre = opening.use(await startCentre({ directory: journey.at('centre'), ...listening }))
  const pushed = await (await openImageWorks(layout.directory)).push(image, registry, 'site/app:v1')
  const opened = opening.move()
  return { registry, centre, image, pushed, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** SIGKILL for containerd in the middle of unpacking a layer, and a new start. */
async function killInApply(containerd: Containerd, glance: ContainerdGlance): Promise<void> {
  const active = async (): Promise<readonly string[]> => (await glance.snapshots()).active
  const isUnderWay = async (): Promise<boolean> => {
    const before = await active()
    await delay(300)
    const after = await active()
    return before.some((key) => after.includes(key))
  }
  await eventually(isUnderWay, { what: 'a layer being unpacked', withinMs: 250_000 })
  await containerd.kill()
  await containerd.start()
}

/** In shares of what the image has as stored. */
async function figuresOf(link: RunningEmulatedLink, { unread, size }: { unread: number; size: number }) {
  const { cuts, payload, unacknowledgedBytes } = await link.stats()
  const { received, sent } = await link.nodeBytes()
  return {
    cuts,
    imageBytes: size,
    /** That left the centre's side. */
    blobs: payload.blobBytes / size,
    /** Of these: what the node had not acknowledged when a cut or a kill broke its connection off. */
    blobsInFlight: unacknowledgedBytes / size,
    /** And what an agent had not read when it was killed: a machine that is busy leaves it to the kernel for long. */
    unread: unread / size,
    /** By the kernel of the node. */
    interface: (received + sent) / size,
    received: received / size,
    sent: sent / size,
  }
}

async function expectRunnable(
  containerd: Containerd,
  { pushed, image }: Pick<CentreSite, 'pushed' | 'image'>,
): Promise<void> {
  const name = pushed.reference
  expect(await containerd.cri.imageStatus(name)).toMatchObject({
    id: image.config.digest,
    repoTags: [name],
    repoDigests: [digestName(name, pushed.root.digest)],
  })
  await using container = await runContainer(containerd, { image: name })
  expect(await container.exited()).toBe(0)
  expect(await container.output()).toBe(`${image.says}\n`)
}
