import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Agent } from '../harness/agent.ts'
import { eventually } from '../harness/eventually.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { imageCache, namespace, openClusterSite, type ClusterSite } from '../harness/kube/cluster-site.ts'
import { holds, untilGone, untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import { askCentre } from '../harness/stowage-get.ts'

const [refresh, purge] = ['kubefledged.io/refresh-imagecache', 'kubefledged.io/purge-imagecache']
const hostname = (value: string): object => ({ nodeSelector: { 'kubernetes.io/hostname': value } })
const layerBytes = 400_000

requirePart('kube-api')('edits of ImageCaches', () => {
  let journey: Journey
  let site: ClusterSite
  let one: Agent
  let two: Agent
  beforeAll(async () => {
    journey = await openJourney({ onTestFailed: () => undefined })
    site = await openClusterSite(journey)
    one = await site.agent('edge-1', { labels: { 'kubernetes.io/hostname': 'one' } })
    two = await site.agent('edge-2', { labels: { 'kubernetes.io/hostname': 'two' } })
  })
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]()
    await journey?.[Symbol.asyncDispose]()
  })

  const push = (name: string) => site.push(name, { layerSizes: [layerBytes] })
  const annotate = (name: string, ...orders: string[]): Promise<string> =>
    site.kube.kubectl('annotate', 'imagecache', name, '-n', namespace, ...orders.map((order) => `${order}=`))
  const untilSucceeded = (name: string) => site.untilStatus(name, ({ status }) => status === 'Succeeded')
  const received = async (): Promise<number> => {
    const nodes = await askCentre('nodes', site.controller.url)
    return nodes.reduce((total, { bytesReceived }) => total + (bytesReceived ?? 0), 0)
  }
  const untilObeyed = (name: string): Promise<unknown> =>
    eventually(
      async () =>
        Object.keys((await site.cache(name)).metadata.annotations ?? {}).every((key) => !/refresh|purge/.test(key)),
      { what: `the orders of ${name} gone`, withinMs: 30_000 },
    )

  it('that only move images about fetch nothing and take nothing away', async () => {
    const [a, b] = [await push('moved-a'), await push('moved-b')]
    const apply = (...lists: object[]): Promise<void> => site.kube.apply(imageCache('moved', lists))
    await apply({ images: [a.reference] }, { images: [b.reference], ...hostname('one') })
    await untilSucceeded('moved')
    const before = await received()
    await apply({ images: [b.reference], ...hostname('one') }, { images: [a.reference] })
    await apply(
      { images: [b.reference, a.reference], ...hostname('one') },
      { images: [a.reference, ''] },
      { images: [] },
    )
    await untilSucceeded('moved')
    await holds(one.layout, [a, b])
    await holds(two.layout, [a])
    expect(await received()).toBeLessThan(before + layerBytes / 2)

    await apply({ images: [a.reference] }, { images: [b.reference], ...hostname('two') })
    await untilHeld(two.layout, [a, b])
    await untilGone(one.layout, b)
    await untilSucceeded('moved')
  })

  it('take away only what no other list wants', async () => {
    const [shared, own] = [await push('shared'), await push('own')]
    const isPurged = { deletionPolicy: 'Purge' }
    await site.kube.apply(
      imageCache('keeper', [{ images: [shared.reference] }]),
      imageCache('leaver', [{ images: [shared.reference, own.reference] }], isPurged),
    )
    for (const name of ['keeper', 'leaver']) await untilSucceeded(name)
    await site.kube.apply(imageCache('leaver', [{ images: [own.reference] }], isPurged))
    await untilSucceeded('leaver')
    await holds(one.layout, [shared, own])
    await site.kube.kubectl('delete', 'imagecache', 'leaver', '-n', namespace)
    await untilGone(one.layout, own)
    await holds(one.layout, [shared])
  })

  it('and orders that come together end as the last one says', async () => {
    const [a, b] = [await push('ordered-a'), await push('ordered-b')]
    const apply = (name: string, image: { reference: string }, more: object = {}): Promise<void> =>
      site.kube.apply(imageCache(name, [{ images: [image.reference] }], { metadata: more }))
    // Made with an order to purge: nothing comes. A refresh while it is processing, both at once, an edit after a purge.
    await Promise.all([
      apply('born-purged', a, { annotations: { [purge]: '' } }),
      apply('refreshed', a),
      apply('both', a),
      apply('edited', a),
    ])
    await annotate('refreshed', refresh)
    await untilSucceeded('edited')
    await annotate('edited', purge)
    const isPurged = async (): Promise<boolean> =>
      (await askCentre('caches', site.controller.url)).some(
        ({ name, reason }) => name === 'edited' && reason === 'ImageCachePurge',
      )
    await eventually(isPurged, { what: 'the order to purge taken over', withinMs: 30_000 })
    await apply('edited', b)
    await annotate('both', refresh, purge)
    for (const name of ['born-purged', 'refreshed', 'both', 'edited']) await untilObeyed(name)
    const reasons = await Promise.all(
      ['born-purged', 'refreshed', 'both', 'edited'].map(async (name) => (await untilSucceeded(name)).reason),
    )
    const createdOrRefreshed = expect.stringMatching(/^ImageCache(?:Create|Refresh)$/)
    expect(reasons).toEqual(['ImageCachePurge', createdOrRefreshed, 'ImageCachePurge', 'ImageCacheUpdate'])
    await untilHeld(one.layout, [a, b])
    await site.kube.kubectl('delete', 'imagecache', 'refreshed', '-n', namespace)
  })

  it('keep to one object, whatever its name and however wrong another one is', async () => {
    const [a, b] = [await push('named-a'), await push('named-b')]
    const long = `${'long-'.repeat(48)}name`
    await site.kube.kubectl('create', 'namespace', 'other')
    await site.kube.apply(
      imageCache(long, [{ images: [a.reference] }]),
      imageCache('twin', [{ images: [a.reference] }]),
      imageCache('twin', [{ images: [b.reference] }], { metadata: { namespace: 'other' }, deletionPolicy: 'Purge' }),
    )
    await untilSucceeded(long)
    await untilSucceeded('twin')
    await untilHeld(one.layout, [a, b])
    await site.kube.kubectl('delete', 'imagecache', 'twin', '-n', 'other')
    await untilGone(one.layout, b)
    await holds(one.layout, [a])
    const events = await site.kube.kubectl(
      'get',
      'events',
      '-n',
      namespace,
      '-o',
      'jsonpath={.items[*].involvedObject.name}',
    )
    expect(events).toContain(long)
  })

  it('reach a node that joins later', async () => {
    const image = await push('joined')
    await site.kube.apply(imageCache('joined', [{ images: [image.reference], ...hostname('three') }]))
    await site.untilStatus('joined', ({ status }) => status === 'NoImagesPulledOrDeleted')
    const three = await site.agent('edge-3', { labels: { 'kubernetes.io/hostname': 'three' } })
    await untilHeld(three.layout, [image])
    const { counts } = await untilSucceeded('joined')
    expect(counts.nodes).toMatchObject({ matched: 1, complete: 1 })
  })
})
