import { chmod, statfs } from 'node:fs/promises'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { startAgent, type Agent } from '../harness/agent.ts'
import type { Centre } from '../harness/centre.ts'
import { containerdFiles } from '../harness/containerd/containerd-config.ts'
import { readContents } from '../harness/containerd/containerd-contents.ts'
import { openContainerdSite } from '../harness/containerd/containerd-site.ts'
import { obedientRoot } from '../harness/containerd/obedient-root.ts'
import { runContainer } from '../harness/containerd/run-container.ts'
import { expandingImage } from '../harness/containerd/runnable-image.ts'
import { startContainerd } from '../harness/containerd/start-containerd.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { requirePart } from '../harness/require-part.ts'
import { untilPresent, untilSaid } from '../harness/said-of-image.ts'
import { openSite } from '../harness/site.ts'
import { mountSmallDisk } from '../harness/small-disk.ts'
import { runStowage } from '../harness/stowage.ts'
import { askCentre } from '../harness/stowage-get.ts'

const mebibyte = 1024 * 1024

/** Resolves when agent and centre say of the node what is the matter. */
async function untilTrouble(agent: Agent, centre: Centre, words: RegExp): Promise<void> {
  await agent.program().waitForLine(words)
  await eventually(
    async () => {
      const view = (await askCentre('nodes', centre.url)).find(({ name }) => name === agent.node)
      if (view && words.test(view.message)) return true
      throw new Error(`it said: ${view?.message}`)
    },
    { what: `${words} said of ${agent.node}`, withinMs: 30_000, everyMs: 200 },
  )
}

async function untilNoTrouble({ node }: Agent, { url }: Centre): Promise<void> {
  const isOver = async (): Promise<boolean> =>
    (await askCentre('nodes', url)).some(({ name, message }) => name === node && message === '')
  await eventually(isOver, { what: `no trouble said of ${node}`, withinMs: 30_000 })
}

for (const release of ['containerd', 'containerd-2'] as const) {
  requirePart(release, 'busybox')(`an agent whose ${release}`, () => {
    it.concurrent('comes late, dies, or dies in the middle of a sync says so, and loses nothing', async (test) => {
      await using journey = await openJourney(test)
      const directory = journey.at('c')
      const { socket } = containerdFiles(directory)
      await using site = await openSite(journey, { agent: { runtime: `containerd:${socket}` } })
      const { centre, link, agent, works, source } = site
      const first = await site.push('first')
      await writeImageCache(centre.caches, { name: 'shop', images: [first.reference] })
      await untilTrouble(agent, centre, /there is no socket .*containerd\.sock: is containerd running/)
      const { stdout } = await runStowage(['get', 'nodes', '--central', centre.url])
      expect(stdout).toContain(`there is no socket ${socket}`)
      await using containerd = await startContainerd({ directory, release })
      await untilPresent(centre, first)
      await untilNoTrouble(agent, centre)

      await containerd.kill()
      await untilTrouble(agent, centre, /nobody answers at .*containerd\.sock: is containerd running/)
      await containerd.start()
      await untilNoTrouble(agent, centre)
      await untilPresent(centre, first)

      const image = await works.make({ seed: 'app', layerSizes: [500_000, 700_000, 600_000] })
      const app = await works.push(image, source, 'app:v1')
      await link.resetCounters()
      await link.shape({ downBytesPerSecond: 400_000 })
      await writeImageCache(centre.caches, { name: 'shop', images: [first.reference, app.reference] })
      await eventually(async () => (await link.stats()).sinceReset.blobBytes > 900_000, { withinMs: 30_000 })
      await containerd.kill()
      await untilTrouble(agent, centre, /nobody answers/)
      await containerd.start()
      await untilPresent(centre, app)
      await untilNoTrouble(agent, centre)
      const { blobs } = (await link.stats()).sinceReset
      expect(Object.fromEntries(Object.entries(blobs).map(([digest, { bytes }]) => [digest, bytes]))).toEqual(
        Object.fromEntries([image.config, ...image.layers].map(({ digest, size }) => [digest, size])),
      )
      const isTidy = async (): Promise<boolean> => {
        const { leases, ingests, snapshots } = await readContents(containerd)
        const half = Object.values(snapshots).filter(({ kind }) => kind !== 'Committed')
        return leases.length + ingests.length + half.length === 0
      }
      await eventually(isTidy, { what: 'nothing half left', withinMs: 30_000 })
    })

    it.concurrent(
      'lacks a namespace or a snapshotter, or is out of reach, says so, and goes on when that is mended',
      async (test) => {
        await using journey = await openJourney(test)
        const flags = ['--containerd-namespace', 'shop']
        await using site = await openContainerdSite(journey, release, { agent: { flags } })
        const { centre, link, agent, containerd } = site
        const image = await site.push('app')
        await writeImageCache(centre.caches, { name: 'shop', images: [image.reference] })
        await containerd.ctr('namespaces', 'create', 'other')
        const words = /containerd has no namespace \W*shop\W*; there are: .*other.*ctr namespaces create shop/
        await untilTrouble(agent, centre, words)
        await containerd.ctr('namespaces', 'create', 'shop')
        await untilPresent(centre, image)
        expect(await containerd.ctr('--namespace', 'shop', 'images', 'list', '--quiet')).toContain(image.reference)
        expect(await containerd.ctr('images', 'list', '--quiet')).not.toContain(image.reference)
        await agent.stop()

        const runtime = `containerd:${containerd.files.socket}`
        const common = { directory: journey.at('second'), central: link.url, node: 'second', runtime }
        {
          await using second = await startAgent({ ...common, flags: ['--snapshotter', 'floppy'] })
          const others = /the snapshotter .*floppy.* is not known to this containerd; there are: .*overlayfs/
          await untilTrouble(second, centre, others)
        }
        await chmod(containerd.files.socket, 0)
        const { root } = containerd.files
        const hidden = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none "$0"; exec "$@"', root]
        await using second = await startAgent({ ...common, launcher: [...obedientRoot, ...hidden] })
        await untilTrouble(second, centre, /no permission to use the socket .*containerd\.sock: run as root/)
        await chmod(containerd.files.socket, 0o600)
        // Like a pod that has the socket alone.
        const unseen = /containerd unpacks into .*overlayfs, which the agent cannot see: .*mount that directory/
        await untilTrouble(second, centre, unseen)
        await execa('nsenter', ['--mount', '--target', `${second.program().pid}`, 'umount', root])
        await untilNoTrouble(second, centre)
        await eventually(() => containerd.cri.imageStatus(image.reference), { what: 'the image', withinMs: 30_000 })
      },
    )

    it.concurrent('fills its disk in the middle of unpacking says so, and goes on when there is room', async (test) => {
      await using journey = await openJourney(test)
      await using disk = await mountSmallDisk(containerdFiles(journey.at('c')).root, 80 * mebibyte)
      await using site = await openContainerdSite(journey, release)
      const { centre, containerd, works, source } = site
      const small = await site.pushRunnable('small:v1')
      await writeImageCache(centre.caches, { name: 'shop', images: [small.reference] })
      await untilPresent(centre, small)
      const made = await expandingImage(works, { text: 'large:v1' }, 100 * mebibyte)
      const large = await works.push(made, source, 'large:v1')
      await writeImageCache(centre.caches, { name: 'shop', images: [small.reference, large.reference] })
      await untilSaid(centre, large.reference, /disk of containerd is full.*no space left on device/)
      await untilPresent(centre, small)
      // Of the layer that did not fit nothing is left.
      const { bavail, bsize } = await statfs(disk.directory)
      expect(bavail * bsize).toBeGreaterThan(50 * mebibyte)
      {
        await using container = await runContainer(containerd, { image: small.reference })
        expect([await container.exited(), await container.output()]).toEqual([0, 'small:v1\n'])
      }
      await disk.resize(300 * mebibyte)
      await untilPresent(centre, large)
      await using container = await runContainer(containerd, { image: large.reference })
      expect([await container.exited(), await container.output()]).toEqual([0, 'large:v1\n'])
    })
  })
}
