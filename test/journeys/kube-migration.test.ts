import { expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { openJourney } from '../harness/journey.ts'
import { applyDefinitions, imageCache, namespace, openClusterSite } from '../harness/kube/cluster-site.ts'
import { holds, untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'

const name = 'imagecaches.kubefledged.io'
const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }

/** As kube-fledged's own one: it checks next to nothing, and status is a field as any other. */
const theirs = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name },
  spec: {
    group: 'kubefledged.io',
    scope: 'Namespaced',
    names: { kind: 'ImageCache', plural: 'imagecaches', singular: 'imagecache', shortNames: ['ic'] },
    versions: [{ name: 'v1alpha2', served: true, storage: true, schema: { openAPIV3Schema: open } }],
  },
}

requirePart('kube-api')("a cluster with kube-fledged's definition", () => {
  it('is served, keeps what was good of an object that is not, and says what is wrong once it can', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube, controller } = site
    await controller.kill()
    await kube.kubectl('delete', 'crd', name)
    await kube.apply(theirs)
    await kube.kubectl('wait', '--for=condition=Established', `crd/${name}`)
    await controller.start()
    const { layout } = await site.agent('edge-1')
    const app = await site.push('app')
    await kube.apply(imageCache('shop', [{ images: [app.reference] }]))
    await untilHeld(layout, [app])
    await controller.program().waitForLine(/the definition of ImageCache is an old one/)

    await kube.apply(imageCache('shop', [{ images: ['app; reboot'] }]))
    const events = (): Promise<string> => kube.kubectl('get', 'events', '-n', namespace, '--no-headers')
    await eventually(async () => /Warning\s+CacheSpecValidationFailed/.test(await events()), { what: 'an event' })
    await controller.kill()
    await controller.start()
    await controller.program().waitForLine(/object not taken over/)
    await holds(layout, [app])

    await applyDefinitions(kube)
    const isSaid = async (): Promise<boolean> => {
      const { conditions = [] } = (await site.cache('shop')).status ?? {}
      return conditions.some(({ type, status }) => type === 'Accepted' && status === 'False')
    }
    await eventually(isSaid, { what: 'a status that says that the spec is not accepted', withinMs: 90_000 })
    await holds(layout, [app])
    await kube.apply(imageCache('shop', [{ images: [app.reference] }]))
    const { conditions } = await site.untilStatus('shop', ({ status }) => status === 'Succeeded')
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'Accepted', status: 'True' }))
  })
})
