import { expect, it } from 'vitest'
import { readContents } from '../harness/containerd/containerd-contents.ts'
import { openContainerdSite } from '../harness/containerd/containerd-site.ts'
import { chainOf, tracesOf } from '../harness/containerd/image-traces.ts'
import { runContainer } from '../harness/containerd/run-container.ts'
import { watchSnapshots } from '../harness/containerd/watch-snapshots.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { requirePart } from '../harness/require-part.ts'
import { untilPresent } from '../harness/said-of-image.ts'

const layerSizes = [400_000, 250_000]

for (const release of ['containerd', 'containerd-2'] as const) {
  requirePart(release, 'busybox')(`on ${release}, version 2 of an image`, () => {
    it.concurrent('brings its new layers only, and nothing that is shared is unpacked again', async (test) => {
      await using journey = await openJourney(test)
      await using site = await openContainerdSite(journey, release)
      const { centre, link, containerd } = site
      const v1 = await site.pushRunnable('app:v1', { layerSizes, seed: 'app' })
      const v2 = await site.pushRunnable('app:v2', { layerSizes, seed: 'app' })
      const shared = chainOf(v1.image).slice(0, layerSizes.length)
      expect(chainOf(v2.image).slice(0, layerSizes.length)).toEqual(shared)
      await using snapshots = await watchSnapshots(containerd)
      await writeImageCache(centre.caches, { name: 'app', images: [v1.reference] })
      await untilPresent(centre, v1)
      await snapshots.untilUnpacked(chainOf(v1.image))
      const infos = async (): Promise<string[]> =>
        Promise.all(shared.map((key) => containerd.ctr('snapshots', '--snapshotter', 'overlayfs', 'info', key)))
      const before = await infos()

      await link.resetCounters()
      await writeImageCache(centre.caches, { name: 'app', images: [v2.reference] })
      await untilPresent(centre, v2)
      const [config, layer] = [v2.image.config, v2.image.layers.at(-1)!]
      const { blobs } = (await link.stats()).sinceReset
      expect(Object.fromEntries(Object.entries(blobs).map(([digest, { bytes }]) => [digest, bytes]))).toEqual({
        [config.digest]: config.size,
        [layer.digest]: layer.size,
      })
      const gone = async (): Promise<boolean> => {
        const traces = await tracesOf(containerd, { root: v1.root.digest, image: v1.image })
        return (
          traces.toSorted().join() ===
          shared
            .map((key) => `snapshot ${key}`)
            .toSorted()
            .join()
        )
      }
      await eventually(gone, { what: `of ${v1.reference} only what is shared`, withinMs: 10_000, everyMs: 200 })
      await snapshots.untilUnpacked([...chainOf(v1.image), ...chainOf(v2.image).slice(-1)])
      expect(await infos()).toEqual(before)
      expect(await readContents(containerd)).toMatchObject({ leases: [], ingests: [] })
      await using container = await runContainer(containerd, { image: v2.reference })
      expect([await container.exited(), await container.output()]).toEqual([0, 'app:v2\n'])
    })
  })
}
