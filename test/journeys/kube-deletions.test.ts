import { expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { openJourney } from '../harness/journey.ts'
import {
  applyDefinitions,
  imageCache,
  namespace,
  openClusterSite,
  type ClusterSite,
} from '../harness/kube/cluster-site.ts'
import { untilSource } from '../harness/kube/until-source.ts'
import { holds, untilGone, untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import { askCentre } from '../harness/stowage-get.ts'

const finalizer = 'stowage.dev/purge'

async function untilFinalizers(site: ClusterSite, name: string, wanted: readonly string[]): Promise<void> {
  const areThere = async (): Promise<boolean> =>
    JSON.stringify((await site.cache(name)).metadata.finalizers ?? []) === JSON.stringify(wanted)
  await eventually(areThere, { what: `the finalizers ${wanted.join(', ')} of ${name}`, withinMs: 30_000 })
}

requirePart('kube-api')('what is deleted in a cluster', () => {
  it('is let go with the policy that it has at last, also while all nodes are away', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube } = site
    const agent = await site.agent('edge-1')
    const app = await site.push('app')
    const withPolicy = (deletionPolicy: string): Promise<void> =>
      kube.apply(
        imageCache('shop', [{ images: [app.reference] }], { deletionPolicy, metadata: { finalizers: ['a.test/own'] } }),
      )
    await withPolicy('Purge')
    await untilFinalizers(site, 'shop', ['a.test/own', finalizer])
    await withPolicy('Keep')
    await untilFinalizers(site, 'shop', ['a.test/own'])
    await withPolicy('Purge')
    await untilFinalizers(site, 'shop', ['a.test/own', finalizer])
    await untilHeld(agent.layout, [app])

    await agent.kill()
    await kube.kubectl('delete', 'imagecache', 'shop', '--namespace', namespace, '--wait=false')
    await untilFinalizers(site, 'shop', ['a.test/own'])
    const patch = JSON.stringify({ metadata: { finalizers: null } })
    await kube.kubectl('patch', 'imagecache', 'shop', '--namespace', namespace, '--type=merge', '--patch', patch)
    await kube.kubectl('wait', '--for=delete', 'imagecache/shop', '--namespace', namespace, '--timeout=20s')
    await agent.start()
    await untilGone(agent.layout, app)
  })

  it('is believed to be deleted when it was the only one and nobody looked, but not if its definition was made anew', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube, controller } = site
    const { layout } = await site.agent('edge-1')
    const [app, next] = [await site.push('app'), await site.push('next')]
    await kube.apply(imageCache('only', [{ images: [app.reference] }]))
    await site.untilStatus('only', ({ status }) => status === 'Succeeded')

    await controller.kill()
    await kube.kubectl('delete', 'imagecache', 'only', '--namespace', namespace)
    await controller.start()
    await untilSource(site, 'ready')
    expect(await askCentre('caches', controller.url)).toEqual([])
    await kube.apply(imageCache('next', [{ images: [next.reference] }], { deletionPolicy: 'Purge' }))
    await site.untilStatus('next', ({ status }) => status === 'Succeeded')
    await holds(layout, [app, next])

    await controller.kill()
    const deleted = kube.kubectl('delete', 'crd', 'imagecaches.kubefledged.io', '--timeout=60s')
    const patch = JSON.stringify({ metadata: { finalizers: null } })
    await kube.kubectl('patch', 'imagecache', 'next', '--namespace', namespace, '--type=merge', '--patch', patch)
    await deleted
    await applyDefinitions(kube)
    await controller.start()
    expect((await untilSource(site, 'held')).message).toContain('gone with their definition, which was made anew')
    await holds(layout, [app, next])
    await kube.apply(imageCache('next', [{ images: [next.reference] }], { deletionPolicy: 'Purge' }))
    await untilSource(site, 'ready')
    await site.untilStatus('next', ({ status }) => status === 'Succeeded')
    await holds(layout, [app, next])
  })
})
