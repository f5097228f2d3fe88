import { expect, it } from 'vitest'
import { runnableImage } from '../harness/containerd/runnable-image.ts'
import { importLayout } from '../harness/containerd/import-layout.ts'
import { forceImageGc } from '../harness/cluster/force-image-gc.ts'
import { startCluster, type Cluster } from '../harness/cluster/start-cluster.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache } from '../harness/image-cache.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { machinePlatform } from '../harness/machine-platform.ts'
import { requirePart } from '../harness/require-part.ts'
import { openSite } from '../harness/site.ts'
import { askCentre } from '../harness/stowage-get.ts'
import { makeImage } from '../image-maker/make-image.ts'
import { createOciLayout } from '../image-maker/oci-layout.ts'
import { randomLayer } from '../image-maker/small-image.ts'

/** Lets an agent bring an image into the cluster's containerd; registry, centre and agent are gone when this resolves. */
async function bringImage(journey: Journey, { containerd }: Cluster): Promise<string> {
  await using site = await openSite(journey, { agent: { runtime: `containerd:${containerd.files.socket}` } })
  const image = await runnableImage(site.works, { text: 'ours', layerSizes: [500_000] })
  const { reference } = await site.works.push(image, site.source, 'shop/app:v1')
  await writeImageCache(site.centre.caches, { name: 'shop', images: [reference] })
  const isDone = async (): Promise<boolean> => (await askCentre('caches', site.centre.url))[0]?.status === 'Succeeded'
  await eventually(isDone, { what: `${reference} on the node`, withinMs: 60_000 })
  return reference
}

requirePart(
  'kubernetes',
  'netns',
  'cni',
  'busybox',
  'containerd-2',
)("the kubelet's image garbage collection", () => {
  it('spares what an agent brought and removes what was not pinned', async () => {
    await using journey = await openJourney()
    await using cluster = await startCluster({ directory: journey.at('k'), release: 'containerd-2' })
    const { containerd } = cluster
    const ours = await bringImage(journey, cluster)
    const theirs = 'docker.io/library/unpinned:v1'
    const layout = await createOciLayout(journey.at('theirs'))
    await makeImage({ layout, name: theirs, platform: machinePlatform, layers: [randomLayer(1000, theirs)] })
    await importLayout(containerd, layout, [theirs])
    await forceImageGc(cluster, async () => (await containerd.cri.imageStatus(theirs)) === undefined)
    expect(await containerd.cri.imageStatus(ours)).toMatchObject({ repoTags: [ours], pinned: true })
  })
})
