import { expect, it } from 'vitest'
import { openJourney } from '../harness/journey.ts'
import { imageCache, namespace, openClusterSite, type ClusterSite } from '../harness/kube/cluster-site.ts'
import { eventually } from '../harness/eventually.ts'
import { holds, untilGone, untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'

const pulled = 'All requested images pulled succesfully to respective nodes'
const deleted = 'All cached images succesfully deleted from respective nodes'

async function annotate({ kube }: ClusterSite, name: string, order: 'refresh' | 'purge'): Promise<void> {
  await kube.kubectl('annotate', 'imagecaches', name, '--namespace', namespace, `kubefledged.io/${order}-imagecache=`)
}

requirePart('kube-api')('an ImageCache of a cluster', () => {
  it('goes the way that users of kube-fledged know, and its status says so in the same words', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube } = site
    const one = await site.agent('edge-1', { 'kubernetes.io/hostname': 'vms105' })
    const two = await site.agent('edge-2', { 'kubernetes.io/hostname': 'vms106' })
    const images = [await site.push('everywhere'), await site.push('special'), await site.push('added')] as const
    const [everywhere, special, added] = images.map(({ reference }) => reference)
    const onlyOne = { nodeSelector: { 'kubernetes.io/hostname': 'vms105' } }
    const apply = (...lists: object[]): Promise<void> => kube.apply(imageCache('imagecache1', lists))
    const until = (reason: string, message: string) =>
      site.untilStatus('imagecache1', (status) => status.reason === reason && status.message === message)
    const isCleared = async (): Promise<boolean> =>
      Object.keys((await site.cache('imagecache1')).metadata.annotations ?? {}).every(
        (name) => !/refresh|purge/.test(name),
      )

    await apply({ images: [everywhere] }, { images: [special], ...onlyOne })
    await untilHeld(one.layout, [images[0], images[1]])
    await untilHeld(two.layout, [images[0]])
    const created = await until('ImageCacheCreate', pulled)
    expect(created).toMatchObject({ status: 'Succeeded', counts: { nodes: { matched: 2, complete: 2 } } })
    expect(created).not.toHaveProperty('failures')
    expect((await site.cache('imagecache1')).metadata.generation).toBe(1)

    await annotate(site, 'imagecache1', 'refresh')
    await until('ImageCacheRefresh', pulled)
    await eventually(isCleared, { what: 'the annotation gone', withinMs: 30_000 })

    await apply({ images: [everywhere, added] }, { images: [special], ...onlyOne })
    await untilHeld(two.layout, [images[0], images[2]])
    await until('ImageCacheUpdate', pulled)
    await apply({ images: [everywhere] }, { images: [special], ...onlyOne })
    await untilGone(two.layout, images[2])
    await until('ImageCacheUpdate', deleted)

    await apply({ images: [everywhere] }, { images: [''], ...onlyOne })
    await untilGone(one.layout, images[1])
    await until('ImageCacheUpdate', deleted)
    await apply({ images: [everywhere] }, { images: [special], ...onlyOne })
    await untilHeld(one.layout, [images[0], images[1]])
    await until('ImageCacheUpdate', pulled)
    await apply({ images: [everywhere] }, { images: [], ...onlyOne })
    await untilGone(one.layout, images[1])
    await until('ImageCacheUpdate', deleted)

    await apply({ images: [everywhere] }, { images: [special], ...onlyOne })
    await until('ImageCacheUpdate', pulled)
    await apply({ images: [everywhere] })
    await untilGone(one.layout, images[1])
    await until('ImageCacheUpdate', deleted)
    const { generation } = (await site.cache('imagecache1')).metadata
    expect(generation).toBe(8)

    await annotate(site, 'imagecache1', 'purge')
    for (const { layout } of [one, two]) await untilGone(layout, images[0])
    expect(await until('ImageCachePurge', deleted)).toMatchObject({ status: 'Succeeded' })
    await eventually(isCleared, { what: 'the annotation gone', withinMs: 30_000 })
    await annotate(site, 'imagecache1', 'refresh')
    await untilHeld(two.layout, [images[0]])
    await until('ImageCacheRefresh', pulled)
    expect((await site.cache('imagecache1')).metadata.generation).toBe(generation)

    await kube.kubectl('delete', 'imagecache', 'imagecache1', '--namespace', namespace)
    await holds(two.layout, [images[0]])
    const events = await kube.kubectl('get', 'events', '--namespace', namespace, '--output=jsonpath={.items[*].reason}')
    for (const reason of ['Create', 'Refresh', 'Update', 'Purge']) expect(events).toContain(`ImageCache${reason}`)
    expect(await kube.kubectl('get', 'edgenodes', '--no-headers')).toMatch(/edge-1\s+Online\s+True\s+Synced/)
  })
})
