import { openCentreMemory } from '@stowage/controller/memory/centre-memory'
import type { NodeRecord } from '@stowage/controller/memory/node-record'
import type { ImageReport } from '@stowage/mirror/edge/report'
import { openFsStore } from '@stowage/mirror/store/fs-store'
import { expect, it } from 'vitest'
import { neverLate, startAgent } from '../harness/agent.ts'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'
import { openJourney } from '../harness/journey.ts'
import { imageCache, openClusterSite, type ClusterSite } from '../harness/kube/cluster-site.ts'
import { untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'

const offlineNodes = 4000
const hour = 3_600_000

/** What nodes said last before their links went: some had everything, some a part, some a full disk, some nothing. */
function linesOf(index: number, line: ImageReport): ImageReport[] {
  const fault = { code: 'no-space', message: 'the disk is full', attempts: 3, retryInMs: 60_000 } as const
  switch (index % 4) {
    case 0:
      return [line]
    case 1:
      return [{ ...line, state: 'fetching', bytesHere: Math.floor(line.bytesHere / 2) }]
    case 2:
      return [{ ...line, state: 'waiting', bytesHere: 0, fault }]
    default:
      return []
  }
}

/** Leaves reports in the memory of a controller that does not run, as one leaves them that heard of these nodes an hour ago. */
async function leaveReports(directory: string): Promise<void> {
  await using objects = await openFsStore({ directory })
  const memory = await openCentreMemory(objects)
  const [known] = memory.nodes.all.values()
  const [line] = known?.report.images ?? []
  if (!known || !line) throw new Error('no node has reported an image')
  const names = Array.from({ length: offlineNodes }, (_, index) => `away-${String(index).padStart(4, '0')}`)
  const records = names.map((node, index): readonly [string, NodeRecord] => {
    const images = linesOf(index, line)
    const failures = images.flatMap(({ name, digest, fault }) => (fault ? [[name, { digest, fault }] as const] : []))
    const instance = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
    return [
      node,
      {
        version: 1,
        report: { ...known.report, node, instance, images, acknowledged: { epoch: memory.epoch, sequence: 1 } },
        receivedAt: Date.now() - hour,
        isOverdue: true,
        failures: Object.fromEntries(failures),
      },
    ]
  })
  for (let first = 0; first < records.length; first += 64) {
    await Promise.all(records.slice(first, first + 64).map(([node, record]) => memory.nodes.put(node, record)))
  }
}

/** All that is said of nodes that are away, and of what they lack, at the centre's own doors. */
async function said(url: string, metricsUrl: string): Promise<Record<string, unknown>> {
  const items = async (kind: string): Promise<Record<string, unknown>[]> => {
    const answer = await fetch(`${url}/api/v1/${kind}`)
    return ((await answer.json()) as { items: Record<string, unknown>[] }).items
  }
  const isAway = (name: unknown): boolean => String(name).startsWith('away-')
  const metrics = await (await fetch(`${metricsUrl}/metrics`)).text()
  return {
    caches: await items('caches'),
    nodes: (await items('nodes')).filter(({ name }) => isAway(name)),
    images: (await items('images')).filter(({ node }) => isAway(node)),
    metrics: metrics.split('\n').filter((line) => /^stowage_(?:nodes|caches?_\w+|caches|images)\{/.test(line)),
  }
}

interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly resourceVersion: string }
    readonly status?: { readonly link: string; readonly phase: string }
  }[]
}

async function edgeNodes({ kube }: ClusterSite): Promise<Listed['items']> {
  return (JSON.parse(await kube.kubectl('get', '--raw', '/apis/stowage.dev/v1alpha1/edgenodes')) as Listed).items
}

requirePart('kube-api')('a controller that is killed', () => {
  it('says of 4,000 nodes that are away what it said before, without a write, and before it has read its cluster again', async () => {
    await using journey = await openJourney()
    const metricsUrl = `http://127.0.0.1:${await freePort()}`
    const listen = ['--metrics-listen', metricsUrl.slice('http://'.length)]
    await using site = await openClusterSite(journey, { flags: listen })
    const { kube, controller } = site
    await using agent = await startAgent({
      directory: journey.at('here'),
      central: controller.url,
      node: 'here',
      flags: neverLate,
    })
    const app = await site.push('app')
    await kube.apply(imageCache('shop', [{ images: [app.reference] }]))
    await untilHeld(agent.layout, [app])
    await site.untilStatus('shop', ({ status }) => status === 'Succeeded')

    await controller.kill()
    await leaveReports(journey.at('controller', 'data'))
    await controller.start()
    const areWritten = async (): Promise<boolean> => {
      const all = await edgeNodes(site)
      return all.length === offlineNodes + 1 && all.every(({ status }) => status !== undefined)
    }
    await eventually(areWritten, { what: 'the EdgeNodes', withinMs: 120_000, everyMs: 1000 })
    await site.untilStatus('shop', ({ status, counts }) => {
      return status === 'AwaitingOfflineNodes' && counts.nodes.matched === offlineNodes + 1
    })
    const [written, before] = [await edgeNodes(site), await said(controller.url, metricsUrl)]
    const shop = await site.cache('shop')
    const phases = Map.groupBy(written, ({ status }) => `${status?.link} ${status?.phase}`)
    expect(Object.fromEntries([...phases].map(([words, { length }]) => [words, length]))).toEqual({
      'Online Synced': 1,
      'Offline Synced': offlineNodes / 4,
      'Offline Syncing': offlineNodes / 2,
      'Offline Failing': offlineNodes / 4,
    })

    await controller.kill()
    await kube.server.kill()
    await controller.start()
    expect(await said(controller.url, metricsUrl)).toEqual(before)
    const ready = await fetch(`${controller.url}/readyz`)
    expect([ready.status, await ready.text()]).toEqual([200, 'ok'])

    await kube.server.start()
    await kube.apply(imageCache('later', [{ images: [app.reference], nodeNames: ['here'] }]))
    await site.untilStatus('later', ({ status }) => status === 'Succeeded')
    expect((await said(controller.url, metricsUrl))['nodes']).toEqual(before['nodes'])
    expect(await edgeNodes(site)).toEqual(written)
    expect(await site.cache('shop')).toEqual(shop)

    // Who deletes the EdgeNode of a node that is away means that it is gone for good, whether the controller sees it or not.
    await controller.kill()
    await kube.kubectl('delete', 'edgenode', 'away-0000')
    await controller.start()
    const isForgotten = async (): Promise<boolean> => {
      const { items } = (await (await fetch(`${controller.url}/api/v1/nodes`)).json()) as { items: unknown[] }
      return items.length === offlineNodes
    }
    await eventually(isForgotten, { what: 'away-0000 forgotten', withinMs: 60_000, everyMs: 200 })
    expect(await edgeNodes(site)).toHaveLength(offlineNodes)
  })
})
