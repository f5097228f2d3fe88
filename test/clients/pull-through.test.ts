import { createHash } from 'node:crypto'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { startContainerd } from '../harness/containerd/start-containerd.ts'
import { startDockerRegistry } from '../harness/docker-registry.ts'
import { eventually } from '../harness/eventually.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { machinePlatform, otherPlatform } from '../harness/machine-platform.ts'
import { requirePart } from '../harness/require-part.ts'
import { openImageWorks } from '../harness/source-registry.ts'
import { verifyLayout } from '../harness/verify-layout.ts'
import { makeIndex, type MadeImage, type MadeIndex } from '../image-maker/make-image.ts'
import { startLink, type RunningLink, type StartLinkOptions } from '../link/start-link.ts'
import { digestAt } from './client-images.ts'
import { startPullingMirror, vendor, writeHostsToml, type PullingMirror } from './pulling-mirror.ts'

const mebibyte = 1024 * 1024
const repository = 'shop/app'

/** A registry of a vendor with an image of two platforms, the link to it, and a mirror behind that. */
interface Scene extends AsyncDisposable {
  readonly index: MadeIndex
  readonly image: MadeImage
  readonly link: RunningLink
  readonly mirror: PullingMirror
  /** Moves the tag of the image. */
  move(): Promise<string>
}

interface SceneOptions {
  readonly layerSizes?: readonly number[]
  readonly shape?: Pick<StartLinkOptions, 'rate' | 'delayMs'>
  readonly freshness?: unknown
}

async function openScene(
  journey: Journey,
  { layerSizes = [3_000, mebibyte], shape = {}, freshness = 'always' }: SceneOptions = {},
): Promise<Scene> {
  await using stack = new AsyncDisposableStack()
  const registry = stack.use(await startDockerRegistry({ directory: journey.at('registry') }))
  const works = await openImageWorks(journey.at('layout'))
  const image = await works.make({ layerSizes, seed: 'wanted' })
  const other = await works.make({ layerSizes, seed: 'other', platform: otherPlatform })
  const index = await makeIndex(works.layout, [image, other])
  await works.push(index, registry, `${repository}:v1`)
  const link = stack.use(await startLink({ upstream: registry.url, ...shape }))
  const settings = { url: link.url, freshness }
  const mirror = stack.use(await startPullingMirror(journey.at('mirror'), settings))
  const opened = stack.move()
  return {
    index,
    image,
    link,
    mirror,
    async move() {
      const moved = await works.make({ seed: 'moved' })
      await works.push(moved, registry, `${repository}:v1`)
      return moved.manifest.digest
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

const blobsOf = ({ config, layers }: MadeImage) => [config, ...layers]
const sizeOf = (image: MadeImage): number => blobsOf(image).reduce((sum, { size }) => sum + size, 0)
const tagIn = ({ mirror }: Scene): Promise<string | null> => digestAt(mirror.url, `${vendor}/${repository}`, 'v1')

async function digestOf(response: Response): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of response.body!) hash.update(chunk)
  return `sha256:${hash.digest('hex')}`
}

requirePart(
  'docker-registry',
  'skopeo',
  'containerd',
)('clients of a mirror that fetches from another registry', () => {
  it('containerd pulls by ns=, once over the link; CRI pulls when the registry is away', async () => {
    await using journey = await openJourney()
    await using scene = await openScene(journey)
    await using containerd = await startContainerd({ directory: journey.at('ctr') })
    const hosts = await writeHostsToml(containerd.files.certs, scene.mirror)
    const reference = `${vendor}/${repository}:v1`
    await containerd.ctr('images', 'pull', '--hosts-dir', hosts, '--snapshotter', 'native', reference)
    expect(await containerd.ctr('images', 'list', `name==${reference}`)).toContain(scene.index.index.digest)
    expect((await scene.link.stats()).total.blobBytes).toBe(sizeOf(scene.image))

    await containerd.ctr('images', 'remove', '--sync', reference)
    await scene.link.cut('reset')
    await containerd.cri.pullImage(reference)
    expect((await containerd.cri.imageStatus(reference))?.repoTags).toContain(reference)
    expect((await scene.link.stats()).total.blobBytes).toBe(sizeOf(scene.image))
  })

  it('containerd pulls in a second try what the mirror was killed over, and hardly a byte comes again', async () => {
    await using journey = await openJourney()
    await using scene = await openScene(journey, { layerSizes: [3 * mebibyte], shape: { rate: 2 * mebibyte } })
    await using containerd = await startContainerd({ directory: journey.at('ctr') })
    await writeHostsToml(containerd.files.certs, scene.mirror)
    const reference = `${vendor}/${repository}:v1`
    const carried = async (): Promise<number> => (await scene.link.stats()).total.blobBytes
    const pull = (): Promise<unknown> => containerd.cri.pullImage(reference)
    const firstTry = pull().catch((error: unknown) => error)
    await eventually(async () => (await carried()) > mebibyte, { what: 'some of the layer' })
    await scene.mirror.kill()
    await scene.mirror.start()
    await firstTry
    await pull()
    expect((await carried()) - sizeOf(scene.image)).toBeLessThanOrEqual(mebibyte)
  })

  it('skopeo copies by the beginning of a path, and cannot push there', async () => {
    await using journey = await openJourney()
    await using scene = await openScene(journey)
    const source = `docker://${scene.mirror.host}/${vendor}/${repository}:v1`
    const layout = journey.at('copied')
    await execa('skopeo', ['copy', '--src-tls-verify=false', '--all', '--preserve-digests', source, `oci:${layout}:v1`])
    for (const { os, architecture } of [machinePlatform, otherPlatform]) {
      await verifyLayout(layout, { name: 'v1', root: scene.index.index.digest, os, architecture })
    }
    const push = ['copy', '--dest-tls-verify=false', `oci:${layout}:v1`, source.replace('v1', 'v2')]
    const pushed = await execa('skopeo', push, { reject: false })
    expect([pushed.exitCode, pushed.stderr]).toEqual([1, expect.stringMatching(/405|unsupported/i)])
  })

  it.each(['reset', 'silence'] as const)('answers a tag while the link says nothing but %s', async (mode) => {
    await using journey = await openJourney()
    await using scene = await openScene(journey)
    const { digest } = scene.index.index
    expect(await tagIn(scene)).toBe(digest)
    const moved = await scene.move()
    await scene.link.cut(mode)
    const took: number[] = []
    for (let count = 0; count < 10; count++) {
      const startedAt = performance.now()
      expect(await tagIn(scene)).toBe(digest)
      took.push(Math.round((performance.now() - startedAt) * 10) / 10)
    }
    console.log('a tag behind', mode, { ms: took })
    await scene.link.up()
    await eventually(async () => (await tagIn(scene)) === moved, { what: 'the new version', withinMs: 60_000 })
  })

  it('brings a layer once to many readers, over cuts and through its own death', async () => {
    await using journey = await openJourney()
    // Slow, so that little is on its way in buffers of the machine at any moment.
    await using scene = await openScene(journey, { layerSizes: [6 * mebibyte], shape: { rate: 2 * mebibyte } })
    const { link, mirror, image } = scene
    const [layer] = image.layers
    const url = `${mirror.url}/v2/${vendor}/${repository}/blobs/${layer!.digest}`
    await fetch(`${mirror.url}/v2/${vendor}/${repository}/manifests/${image.manifest.digest}`)
    const carried = async (): Promise<number> => (await link.stats()).total.blobBytes
    await link.plan({ cuts: [{ mode: 'reset', afterDownBytes: 1.5 * mebibyte, durationMs: 300 }] })

    const leaving = new AbortController()
    const left = fetch(url, { signal: leaving.signal }).catch(() => undefined)
    await eventually(async () => (await carried()) > mebibyte / 2, { what: 'some of the layer' })
    leaving.abort()
    await left
    await eventually(async () => (await carried()) > 3 * mebibyte, { what: 'more of it, over a cut' })
    await mirror.kill()
    const beforeDeath = await carried()
    await mirror.start()
    const readers = await Promise.all(Array.from({ length: 8 }, async () => digestOf(await fetch(url))))
    expect(new Set(readers)).toEqual(new Set([layer!.digest]))
    const refetched = (await carried()) - layer!.size
    console.log('one layer:', { size: layer!.size, beforeDeath, refetched, cuts: (await link.stats()).cuts })
    expect(refetched).toBeLessThanOrEqual(mebibyte)
  })
})
