import { expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { neverLate } from '../harness/agent.ts'
import { openJourney } from '../harness/journey.ts'
import { imageCache, openClusterSite, type ClusterSite } from '../harness/kube/cluster-site.ts'
import { untilGone, untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import { askCentre } from '../harness/stowage-get.ts'

const node = (name: string, labels: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels },
})

async function edgeNode({ kube }: ClusterSite, name: string): Promise<{ status?: { link: string; phase: string } }> {
  return kube.get('edgenode', name)
}

requirePart('kube-api')('the nodes of a cluster', () => {
  it('are selected by the labels of their Nodes, and by those of EdgeNodes that say otherwise', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube } = site
    await kube.apply(node('edge-1', { zone: 'north' }), node('no-agent', { zone: 'north' }))
    const { layout } = await site.agent('edge-1')
    const [app, other] = [await site.push('app'), await site.push('other')]
    const north = { images: [app.reference], nodeSelector: { zone: 'north' } }
    const south = { images: [other.reference], nodeSelector: { zone: 'south' } }
    await kube.apply(imageCache('shop', [north, south]))
    await untilHeld(layout, [app])
    const waiting = await site.untilStatus('shop', ({ status }) => status === 'AwaitingOfflineNodes')
    expect(waiting.message).toBe('All reachable nodes are done; 1 of 2 nodes run no agent yet')
    const named = { type: 'AgentsPresent', status: 'False', message: '1 of 2 selected nodes run no agent: no-agent' }
    expect(waiting.conditions).toContainEqual(expect.objectContaining(named))
    expect(await edgeNode(site, 'edge-1')).toMatchObject({ status: { link: 'Online', phase: 'Synced' } })
    expect(await kube.kubectl('get', 'edgenodes', '--output=name')).toBe('edgenode.stowage.dev/edge-1')
    await kube.kubectl('delete', 'node', 'no-agent')
    await site.untilStatus('shop', ({ status }) => status === 'Succeeded')

    await kube.kubectl('label', 'node', 'edge-1', 'zone=south', '--overwrite')
    await untilGone(layout, app)
    await untilHeld(layout, [other])
    await kube.kubectl('label', 'edgenode', 'edge-1', 'zone=north')
    await untilGone(layout, other)
    await untilHeld(layout, [app])
  })

  it('are forgotten when their EdgeNode is deleted while they are away, and come back with their agent', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube } = site
    const agent = await site.agent('edge-1')
    const names = (): Promise<string> => kube.kubectl('get', 'edgenodes', '--no-headers')
    await eventually(async () => /Online/.test(await names()), { what: 'edge-1 online', withinMs: 30_000 })
    await kube.kubectl('delete', 'edgenode', 'edge-1')
    await eventually(async () => /Online/.test(await names()), { what: 'edge-1 online again', withinMs: 30_000 })

    await agent.kill()
    await eventually(async () => /Offline/.test(await names()), { what: 'edge-1 offline', withinMs: 90_000 })
    await kube.kubectl('delete', 'edgenode', 'edge-1')
    const isKnown = async (): Promise<boolean> => (await askCentre('nodes', site.controller.url)).length > 0
    await eventually(async () => !(await isKnown()), { what: 'edge-1 forgotten', withinMs: 30_000 })
    expect(await names()).toBe('')
    await agent.start()
    await eventually(async () => /Online/.test(await names()), { what: 'edge-1 back', withinMs: 30_000 })
  })

  it('keep what they are said to be when the controller starts anew', async () => {
    await using journey = await openJourney()
    await using site = await openClusterSite(journey)
    const { kube, controller } = site
    await site.agent('edge-1', { flags: neverLate })
    const app = await site.push('app')
    await kube.apply(imageCache('shop', [{ images: [app.reference] }]))
    await site.untilStatus('shop', ({ status }) => status === 'Succeeded')
    const version = (): Promise<string> =>
      kube.kubectl('get', 'edgenode', 'edge-1', '--output=jsonpath={.metadata.resourceVersion}')
    const isSynced = async (): Promise<boolean> => (await edgeNode(site, 'edge-1')).status?.phase === 'Synced'
    await eventually(isSynced, { what: 'edge-1 said to be synced' })
    const before = await version()

    await controller.kill()
    await controller.start()
    await kube.apply(imageCache('later', [{ images: [app.reference] }]))
    await site.untilStatus('later', ({ status }) => status === 'Succeeded')
    expect(await version()).toBe(before)
  })
})
