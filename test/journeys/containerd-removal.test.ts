import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { mirrorRepositoryOf, parseReference } from '@stowage/mirror/oci/reference'
import { readContents } from '../harness/containerd/containerd-contents.ts'
import { openContainerdSite, type ContainerdSite, type PushedRunnable } from '../harness/containerd/containerd-site.ts'
import type { CriImage } from '../harness/containerd/cri-messages.ts'
import { chainOf, tracesOf } from '../harness/containerd/image-traces.ts'
import { runContainer } from '../harness/containerd/run-container.ts'
import { eventually } from '../harness/eventually.ts'
import { removeImageCache, writeImageCache } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { requirePart } from '../harness/require-part.ts'
import { untilPresent } from '../harness/said-of-image.ts'
import { askCentre, stowageGet } from '../harness/stowage-get.ts'
import type { MadeImage } from '../image-maker/make-image.ts'

const pinLabel = 'io.cri-containerd.pinned'

/** Lets one ImageCache name these images and no others. */
async function want({ centre }: ContainerdSite, images: readonly PushedRunnable[]): Promise<void> {
  await writeImageCache(centre.caches, { name: 'shop', images: images.map(({ reference }) => reference) })
}

async function untilAllPresent({ centre }: ContainerdSite, images: readonly PushedRunnable[]): Promise<void> {
  for (const image of images) await untilPresent(centre, image)
}

/** Resolves when nothing of an image is left in containerd. */
async function untilLeft(
  { containerd }: ContainerdSite,
  made: PushedRunnable,
  { withinMs = 30_000 } = {},
): Promise<void> {
  const image = { root: made.root.digest, image: made.image }
  await eventually(
    async () => {
      const traces = await tracesOf(containerd, image)
      if (traces.length > 0) throw new Error(`there is still ${traces.join('; ')}`)
      return true
    },
    { what: `nothing left of ${made.reference}`, withinMs, everyMs: 200 },
  )
}

/** Resolves when the centre says so of an image on its one node. */
async function untilState({ centre }: ContainerdSite, { reference }: PushedRunnable, state: string): Promise<void> {
  const isSo = async (): Promise<boolean> =>
    (await askCentre('images', centre.url)).some((view) => view.name === reference && view.state === state)
  await eventually(isSo, { what: `${reference} said to be ${state}`, withinMs: 30_000 })
}

/** By the names of a pushed image: its own, by digest, by ID. */
function namesOf({ reference, root, image }: PushedRunnable): string[] {
  return [reference, digestNameOf({ reference, root }), image.config.digest]
}

function digestNameOf({ reference, root }: Pick<PushedRunnable, 'reference' | 'root'>): string {
  return `${reference.slice(0, reference.lastIndexOf(':'))}@${root.digest}`
}

async function criImage({ containerd }: ContainerdSite, name: string): Promise<CriImage> {
  return (await containerd.cri.imageStatus(name)) ?? expect.fail(`CRI does not know ${name}`)
}

async function isPinned({ containerd }: ContainerdSite, name: string): Promise<boolean> {
  const { images } = await readContents(containerd)
  return images[name]?.labels[pinLabel] === 'pinned'
}

for (const release of ['containerd', 'containerd-2'] as const) {
  requirePart(release, 'busybox')(`on ${release}, an image of a list`, () => {
    it.concurrent(
      'leaves with all its names and bytes when it is taken out, and as soon as no container uses it',
      async (test) => {
        await using journey = await openJourney(test)
        await using site = await openContainerdSite(journey, release)
        const { centre, containerd } = site
        const [goes, used, stays] = [
          await site.pushRunnable('goes:v1'),
          await site.pushRunnable('used:v1'),
          await site.pushRunnable('stays:v1'),
        ]
        await want(site, [goes, used, stays])
        await untilAllPresent(site, [goes, used, stays])
        expect(await criImage(site, goes.reference)).toMatchObject({
          id: goes.image.config.digest,
          repoTags: [goes.reference],
          repoDigests: [digestNameOf(goes)],
          pinned: release === 'containerd-2',
        })
        await using container = await runContainer(containerd, { image: used.reference, command: ['sleep', '1000'] })

        await want(site, [stays])
        await untilLeft(site, goes)
        for (const name of namesOf(goes)) expect(await containerd.cri.imageStatus(name), name).toBeUndefined()
        await untilState(site, used, 'in-use')
        expect(await stowageGet('images', centre.url)).toContainEqual(
          expect.objectContaining({ name: used.reference, state: 'in-use' }),
        )
        expect(await criImage(site, used.reference)).toMatchObject({ id: used.image.config.digest, pinned: false })
        expect(await container.exec('cat', '/greeting')).toMatchObject({ stdout: 'used:v1\n' })
        // A container that has ended may be started again.
        await container.stop()
        await criImage(site, used.reference)

        const before = performance.now()
        // Its pod stays, so that nothing else is heard of: the agent looks by itself every 15 s.
        await containerd.cri.removeContainer(container.id)
        await untilLeft(site, used, { withinMs: 10_000 })
        console.log(`${release}: gone ${Math.round(performance.now() - before)} ms after the container was to go`)
        const said = async (): Promise<string[]> =>
          (await askCentre('images', centre.url)).map(({ name, state }) => `${name} ${state}`)
        await eventually(async () => String(await said()) === `${stays.reference} present`, { what: 'only one said' })
        await using after = await runContainer(containerd, { image: stays.reference })
        expect([await after.exited(), await after.output()]).toEqual([0, 'stays:v1\n'])
      },
    )

    it.concurrent(
      'leaves though somebody else brought it, and what no list ever named is not touched',
      async (test) => {
        await using journey = await openJourney(test)
        await using site = await openContainerdSite(journey, release)
        const { containerd, link } = site
        const [theirs, twice, early, stays] = [
          await site.pushRunnable('theirs:v1'),
          await site.pushRunnable('twice:v1'),
          await site.pushRunnable('early:v1'),
          await site.pushRunnable('stays:v1'),
        ]
        // As the kubelet, or a job of kube-fledged, does; one of them by its digest.
        for (const name of [theirs.reference, digestNameOf(twice), early.reference])
          await containerd.cri.pullImage(name)
        const before = await readContents(containerd)
        await want(site, [twice, early, stays])
        await untilAllPresent(site, [twice, early, stays])
        // Neither layers nor configurations nor manifests of what was there.
        const fetched = Object.keys((await link.stats()).total.bodies).join('\n')
        for (const digest of blobsOf(stays.image)) expect(fetched).toContain(digest)
        for (const { image } of [twice, early]) {
          for (const digest of blobsOf(image)) expect(fetched).not.toContain(digest)
        }
        await eventually(() => isPinned(site, early.reference), { what: `${early.reference} pinned` })
        expect(await criImage(site, early.reference)).toMatchObject({ pinned: release === 'containerd-2' })

        await want(site, [stays])
        await untilLeft(site, early)
        const after = await readContents(containerd)
        expect(Object.keys(after.images)).not.toContain(twice.reference)
        for (const { root, image } of [theirs, twice]) {
          for (const name of Object.keys(before.images).filter((key) => before.images[key]?.digest === root.digest)) {
            expect(after.images[name], name).toEqual(before.images[name])
          }
          expect(blobsOf(image).filter((digest) => !(digest in after.content))).toEqual([])
          expect(Object.keys(after.snapshots)).toEqual(expect.arrayContaining(chainOf(image)))
        }
        expect(after.leases).toEqual([])
        await using container = await runContainer(containerd, { image: digestNameOf(twice) })
        expect([await container.exited(), await container.output()]).toEqual([0, 'twice:v1\n'])
      },
    )

    it.concurrent(
      'is pinned again after each pull by the kubelet, and unpinned when its list is deleted',
      async (test) => {
        await using journey = await openJourney(test)
        await using site = await openContainerdSite(journey, release)
        const { centre, source, containerd, agent } = site
        const image = await site.pushRunnable('app:v1')
        await want(site, [image])
        await untilAllPresent(site, [image])
        expect(await isPinned(site, image.reference)).toBe(true)
        for (const from of ['the registry', 'the centre']) {
          if (from === 'the centre') {
            await askCentreFor(site, image)
            await source.stop()
          }
          process.kill(agent.program().pid, 'SIGSTOP')
          await containerd.cri.pullImage(image.reference)
          expect(await isPinned(site, image.reference), from).toBe(false)
          process.kill(agent.program().pid, 'SIGCONT')
          await eventually(() => isPinned(site, image.reference), {
            what: `pinned again after a pull from ${from}`,
            withinMs: 10_000,
          })
        }
        expect(await criImage(site, image.reference)).toMatchObject({ pinned: release === 'containerd-2' })

        await removeImageCache(centre.caches, 'shop')
        await eventually(async () => !(await isPinned(site, image.reference)), { what: 'no pin', withinMs: 20_000 })
        expect(await criImage(site, image.reference)).toMatchObject({ id: image.image.config.digest, pinned: false })
        for (const name of namesOf(image)) expect(await isPinned(site, name), name).toBe(false)
        await using container = await runContainer(containerd, { image: image.reference })
        expect([await container.exited(), await container.output()]).toEqual([0, 'app:v1\n'])
      },
    )

    it.concurrent('whose tag moves leaves, unless a container runs from it', async (test) => {
      await using journey = await openJourney(test)
      const flags = ['--image-cache-refresh-frequency', '1s']
      await using site = await openContainerdSite(journey, release, { centre: { flags } })
      const { containerd } = site
      const [free, used] = [await site.pushRunnable('free:latest'), await site.pushRunnable('used:latest')]
      await want(site, [free, used])
      await untilAllPresent(site, [free, used])
      await using container = await runContainer(containerd, { image: used.reference, command: ['sleep', '1000'] })
      const [newFree, newUsed] = [
        await site.pushRunnable('free:latest', { text: 'newer' }),
        await site.pushRunnable('used:latest', { text: 'newest' }),
      ]
      for (const { reference, root } of [newFree, newUsed]) {
        const hasMoved = async (): Promise<boolean> =>
          (await readContents(containerd)).images[reference]?.digest === root.digest
        await eventually(hasMoved, { what: `${reference} moved`, withinMs: 30_000 })
      }
      await untilLeft(site, free)
      expect(await criImage(site, digestNameOf(used))).toMatchObject({ id: used.image.config.digest, repoTags: [] })
      expect(await container.exec('cat', '/greeting')).toMatchObject({ stdout: 'used:latest\n' })
      await container.remove()
      await untilLeft(site, used)
      await untilAllPresent(site, [newFree, newUsed])
      await using newer = await runContainer(containerd, { image: used.reference })
      expect([await newer.exited(), await newer.output()]).toEqual([0, 'newest\n'])
    })
  })
}

/** Lets CRI pull through the centre's mirror: the kubelet's `imagePullPolicy: Always` without a link. */
async function askCentreFor({ centre, containerd }: ContainerdSite, { reference }: PushedRunnable): Promise<void> {
  const { registry, repository } = parseReference(reference)
  const prefix = mirrorRepositoryOf({ registry, repository }).slice(0, -repository.length - 1)
  const folder = path.join(containerd.files.certs, registry)
  await mkdir(folder, { recursive: true })
  const host = `[host."${centre.url}/v2/${prefix}"]\ncapabilities = ["pull", "resolve"]\noverride_path = true\n`
  await writeFile(path.join(folder, 'hosts.toml'), host)
}

/** Digests of manifest, configuration and layers. */
function blobsOf({ manifest, config, layers }: MadeImage): string[] {
  return [manifest, config, ...layers].map(({ digest }) => digest)
}
