import { expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { openJourney } from '../harness/journey.ts'
import { imageCache, namespace, openClusterSite, type ClusterSite } from '../harness/kube/cluster-site.ts'
import { holds, untilGone, untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'

const [refresh, purge] = ['kubefledged.io/refresh-imagecache', 'kubefledged.io/purge-imagecache']

/** Resolves when a cache has no such annotation any more. */
async function untilTaken(site: ClusterSite, cache: string, annotation: string): Promise<void> {
  const isTaken = async (): Promise<boolean> => !(annotation in ((await site.cache(cache)).metadata.annotations ?? {}))
  await eventually(isTaken, { what: `${annotation} taken away`, withinMs: 60_000, everyMs: 200 })
}

requirePart('kube-api')('what users of a cluster write', () => {
  it('is obeyed when it was there from the beginning, and when it came while the controller was away', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube, controller } = site
    const { layout } = await site.agent('edge-1')
    const [app, tool] = [await site.push('app'), await site.push('tool')]
    const written = {
      status: 'Succeeded',
      reason: 'ImageCacheRefresh',
      message: 'of kube-fledged',
      startTime: '2021-07-22T00:00:00Z',
    }
    await controller.kill()
    // As kube-fledged leaves it: with a status of its own.
    await kube.apply(imageCache('old', [{ images: [app.reference] }], { metadata: { annotations: { [refresh]: '' } } }))
    const patch = JSON.stringify({ status: written })
    await kube.kubectl('patch', 'ic', 'old', '-n', namespace, '--subresource=status', '--type=merge', '--patch', patch)
    await controller.start()
    await untilHeld(layout, [app])
    await site.untilStatus('old', ({ status, message }) => status === 'Succeeded' && message !== written.message)
    await untilTaken(site, 'old', refresh)

    await controller.kill()
    await kube.apply(imageCache('old', [{ images: [app.reference, tool.reference] }]))
    await controller.start()
    await untilHeld(layout, [app, tool])
    await site.untilStatus('old', ({ status, reason }) => status === 'Succeeded' && reason === 'ImageCacheUpdate')

    await controller.kill()
    await kube.kubectl('annotate', 'ic', 'old', '-n', namespace, `${purge}=`)
    await controller.start()
    for (const image of [app, tool]) await untilGone(layout, image)
    await site.untilStatus('old', ({ status, reason }) => status === 'Succeeded' && reason === 'ImageCachePurge')
    await untilTaken(site, 'old', purge)
  })

  it('counts as it was written last, however fast the edits came and whoever was killed meanwhile', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube, controller } = site
    const { layout } = await site.agent('edge-1')
    const images = await Promise.all(['a', 'b', 'c', 'd'].map((name) => site.push(name, { layerSizes: [400_000] })))
    const [a, b, c, d] = images.map(({ reference }) => reference)
    const apply = (...lists: (string | undefined)[][]): Promise<void> =>
      kube.apply(
        imageCache(
          'shop',
          lists.map((list) => ({ images: list })),
        ),
      )
    await apply([a])
    await apply([a, b])
    await apply([b], [c])
    await controller.kill()
    await apply([c, d])
    await controller.start()
    await apply([d])
    await untilHeld(layout, [images[3]!])
    await site.untilStatus('shop', ({ status }) => status === 'Succeeded')
    for (const image of images.slice(0, 3)) await untilGone(layout, image)
    await holds(layout, [images[3]!])
    expect((await site.cache('shop')).metadata.generation).toBe(5)
  })

  it('says which nodes are offline, and goes on when they are back', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube } = site
    const [one, two] = [await site.agent('edge-1'), await site.agent('edge-2')]
    const [app, next] = [await site.push('app'), await site.push('next')]
    await kube.apply(imageCache('shop', [{ images: [app.reference] }]))
    await site.untilStatus('shop', ({ status, counts }) => status === 'Succeeded' && counts.nodes.matched === 2)

    await two.kill()
    await kube.apply(imageCache('shop', [{ images: [app.reference, next.reference] }]))
    await untilHeld(one.layout, [app, next])
    const waiting = await site.untilStatus('shop', ({ status }) => status === 'AwaitingOfflineNodes')
    expect(waiting.message).toContain('1 of 2 nodes are offline')
    expect(waiting.completionTime).toBeDefined()
    const isSaid = async (): Promise<boolean> =>
      /edge-2\s+Offline/.test(await kube.kubectl('get', 'edgenodes', '--no-headers'))
    await eventually(isSaid, { what: 'edge-2 said to be offline', withinMs: 60_000 })
    await two.start()
    await untilHeld(two.layout, [app, next])
    await site.untilStatus('shop', ({ status }) => status === 'Succeeded')
  })
})
