import { expect, it } from 'vitest'
import { openContainerdSite, type ContainerdSite } from '../harness/containerd/containerd-site.ts'
import { eventually } from '../harness/eventually.ts'
import { writeImageCache, type ImageList } from '../harness/image-cache.ts'
import { openJourney } from '../harness/journey.ts'
import { requirePart } from '../harness/require-part.ts'
import { untilPresent } from '../harness/said-of-image.ts'

async function write({ centre }: ContainerdSite, lists: readonly ImageList[]): Promise<void> {
  await writeImageCache(centre.caches, { name: 'shop', lists })
}

/** Resolves when the kubelet would be told this of an image. */
async function untilPinned({ containerd }: ContainerdSite, name: string, isPinned: boolean): Promise<void> {
  const isSo = async (): Promise<boolean> => (await containerd.cri.imageStatus(name))?.pinned === isPinned
  await eventually(isSo, { what: `${name} ${isPinned ? '' : 'not '}pinned`, withinMs: 30_000 })
}

requirePart('containerd-2', 'busybox')('a list that says whether its images are pinned', () => {
  it('is obeyed, also when it changes its mind, which costs no byte, and when another list wants an image pinned', async () => {
    await using journey = await openJourney()
    await using site = await openContainerdSite(journey, 'containerd-2')
    const { centre, link } = site
    const [app, tool] = [await site.pushRunnable('app:v1'), await site.pushRunnable('tool:v1')]
    const [one, other] = [app.reference, tool.reference]
    await write(site, [{ images: [one], pin: false }, { images: [other] }])
    for (const image of [app, tool]) await untilPresent(centre, image)
    await untilPinned(site, other, true)
    expect((await site.containerd.cri.imageStatus(one))?.pinned).toBe(false)
    const received = (await link.stats()).total.blobBytes

    await write(site, [
      { images: [one], pin: true },
      { images: [other], pin: false },
    ])
    await untilPinned(site, one, true)
    await untilPinned(site, other, false)

    await write(site, [{ images: [one, other], pin: false }, { images: [other] }])
    await untilPinned(site, one, false)
    await untilPinned(site, other, true)
    expect((await link.stats()).total.blobBytes).toBe(received)
  })
})
