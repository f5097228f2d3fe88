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

const isPurged = { deletionPolicy: 'Purge' }
const definition = 'imagecaches.kubefledged.io'

/** What a node was told, once it has read that. */
async function assignmentOf({ controller }: ClusterSite): Promise<string> {
  const look = async (): Promise<string | false> => {
    const [node] = await askCentre('nodes', controller.url)
    return node?.acknowledged === node?.assignment && node?.assignment !== null && node!.assignment
  }
  return eventually(look, { what: 'an assignment that the node has read', withinMs: 20_000 })
}

/** Resolves when the node was heard of again twice: whatever it was told before, it has read. */
async function untilContact({ controller }: ClusterSite): Promise<void> {
  for (let times = 0; times < 2; times++) {
    const lastContact = async () => (await askCentre('nodes', controller.url))[0]?.lastContact
    const before = await lastContact()
    await eventually(async () => (await lastContact()) !== before, { what: 'a contact', withinMs: 20_000 })
  }
}

async function isThere({ kube }: ClusterSite, name: string): Promise<boolean> {
  return (await kube.kubectl('get', 'imagecaches', '--namespace', namespace, '--output=name')).includes(`/${name}`)
}

requirePart('kube-api')('a cluster that cannot be believed', () => {
  it('changes nothing while its API server is away, and goes on with what was written then', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube, controller } = site
    const { layout } = await site.agent('edge-1')
    const [app, next] = [await site.push('app'), await site.push('next')]
    await kube.apply(imageCache('shop', [{ images: [app.reference] }], isPurged))
    await site.untilStatus('shop', ({ status }) => status === 'Succeeded')
    const assignment = await assignmentOf(site)

    await kube.server.kill()
    expect((await untilSource(site, 'unreadable')).message).toContain('what was read before stays in force')
    await untilContact(site)
    expect(await assignmentOf(site)).toBe(assignment)
    await controller.kill()
    await controller.start()
    expect((await untilSource(site, 'unreadable')).message).toContain('nothing is published until it can be read')
    await untilContact(site)
    expect(await assignmentOf(site)).toBe(assignment)
    await holds(layout, [app])

    await kube.server.start()
    await untilSource(site, 'ready')
    expect(await assignmentOf(site)).toBe(assignment)
    await kube.apply(imageCache('shop', [{ images: [app.reference, next.reference] }], isPurged))
    await untilHeld(layout, [app, next])
  })

  it('empties no node when the definition of ImageCache is deleted, whatever the policy of the caches', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube } = site
    const { layout } = await site.agent('edge-1')
    const [purged, kept] = [await site.push('purged'), await site.push('kept')]
    await kube.apply(
      imageCache('purged', [{ images: [purged.reference] }], isPurged),
      imageCache('kept', [{ images: [kept.reference] }]),
    )
    for (const name of ['purged', 'kept']) await site.untilStatus(name, ({ status }) => status === 'Succeeded')
    const assignment = await assignmentOf(site)

    // Nothing of ours keeps it from going.
    await kube.kubectl('delete', 'crd', definition, '--timeout=30s')
    expect((await untilSource(site, 'unreadable')).message).toContain('stay in force')
    await untilContact(site)
    expect(await assignmentOf(site)).toBe(assignment)

    await applyDefinitions(kube)
    expect((await untilSource(site, 'held')).message).toContain('stay in force')
    await untilContact(site)
    expect(await assignmentOf(site)).toBe(assignment)
    await holds(layout, [purged, kept])
    await kube.apply(imageCache('kept', [{ images: [kept.reference] }]))
    await untilContact(site)
    await holds(layout, [purged, kept])
    await kube.apply(imageCache('purged', [{ images: [purged.reference] }], isPurged))
    await untilSource(site, 'ready')
    for (const name of ['purged', 'kept']) await site.untilStatus(name, ({ status }) => status === 'Succeeded')
    await holds(layout, [purged, kept])
  })
})

requirePart('kube-api')('a deleted ImageCache of a cluster', () => {
  it('waits, if it is to be purged, until its nodes are told of it, and for no node', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube, controller } = site
    const [one, two] = [await site.agent('edge-1'), await site.agent('edge-2')]
    const [purged, kept] = [await site.push('purged'), await site.push('kept')]
    await kube.apply(
      imageCache('purged', [{ images: [purged.reference] }], isPurged),
      imageCache('kept', [{ images: [kept.reference] }]),
    )
    for (const { layout } of [one, two]) await untilHeld(layout, [purged, kept])
    const finalizers = async (name: string) => (await site.cache(name)).metadata.finalizers
    await eventually(async () => (await finalizers('purged'))?.includes('stowage.dev/purge'), { what: 'a finalizer' })
    expect(await finalizers('kept')).toBeUndefined()

    await two.kill()
    await controller.kill()
    await kube.kubectl('delete', 'imagecache', 'purged', 'kept', '--namespace', namespace, '--wait=false')
    expect([await isThere(site, 'purged'), await isThere(site, 'kept')]).toEqual([true, false])
    await controller.start()
    await eventually(async () => !(await isThere(site, 'purged')), { what: 'the object gone', withinMs: 30_000 })
    await untilGone(one.layout, purged)
    await holds(two.layout, [purged])
    await two.start()
    await untilGone(two.layout, purged)
    for (const { layout } of [one, two]) await holds(layout, [kept])
  })
})
