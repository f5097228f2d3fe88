import { expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { openJourney } from '../harness/journey.ts'
import { imageCache, namespace } from '../harness/kube/cluster-site.ts'
import { openReplicaSite, type Replica, type ReplicaSite } from '../harness/kube/replica-site.ts'
import { untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import { askCentre } from '../harness/stowage-get.ts'

const other = ({ replicas }: ReplicaSite, than: Replica): Replica => replicas.find(({ name }) => name !== than.name)!

/** What each node was told last. */
async function assignments(replica: Replica): Promise<ReadonlyMap<string, { epoch: string; sequence: number }>> {
  const told = (await askCentre('nodes', replica.url)).map(({ name, assignment }) => {
    const [epoch = '', sequence] = (assignment ?? '').split('/')
    return [name, { epoch, sequence: Number(sequence) }] as const
  })
  return new Map(told)
}

/** How often each event of an ImageCache was recorded, by what it says. */
async function eventsOf({ kube }: ReplicaSite, cache: string): Promise<Record<string, number>> {
  interface Event {
    readonly reason: string
    readonly message: string
    readonly involvedObject: { readonly name: string }
  }
  const { items } = await kube.get<{ items: Event[] }>('events', '--namespace', namespace)
  const own = items.filter(({ involvedObject }) => involvedObject.name === cache)
  return Object.fromEntries(
    Object.entries(Object.groupBy(own, ({ reason, message }) => `${reason}: ${message}`)).map(([words, all]) => [
      words,
      all!.length,
    ]),
  )
}

requirePart('kube-api')('two controllers of a cluster', () => {
  it('go on as one when the leader is killed in the middle of a copy: within 20 s, and doing nothing twice', async () => {
    await using journey = await openJourney()
    await using site = await openReplicaSite(journey, { rate: 1_500_000 })
    const { kube, upstream } = site
    const nodes = [await site.agent('edge-1'), await site.agent('edge-2'), await site.agent('edge-3')]
    const [app, big] = [await site.push('app'), await site.push('big', { layerSizes: [9_000_000] })]
    const first = await site.untilLeader()
    await kube.apply(imageCache('shop', [{ images: [app.reference] }]))
    for (const { layout } of nodes) await untilHeld(layout, [app])
    await site.untilStatus('shop', ({ status, counts }) => status === 'Succeeded' && counts.nodes.matched === 3)
    const before = await assignments(other(site, first))
    const crossed = async (): Promise<number> => (await upstream.stats()).total.blobBytes

    await kube.apply(imageCache('shop', [{ images: [app.reference, big.reference] }]))
    await eventually(async () => (await crossed()) > 3_000_000, { what: 'a third of the copy', withinMs: 60_000 })
    const killedAt = Date.now()
    await first.kill()
    const second = await site.untilLeader({ before: first })
    const { spec } = await site.lease()
    expect(Date.parse(spec.acquireTime) - killedAt).toBeLessThan(20_000)
    expect(spec.leaseTransitions).toBe(1)

    for (const { layout } of nodes) await untilHeld(layout, [app, big])
    await site.untilStatus('shop', ({ status, reason }) => status === 'Succeeded' && reason === 'ImageCacheUpdate')
    // What was on its way when the leader was killed may come again, and nothing else.
    expect(await crossed()).toBeLessThan(9_000_000 + 3_000_000)
    for (const [name, { epoch, sequence }] of await assignments(second)) {
      expect([name, epoch]).toEqual([name, before.get(name)!.epoch])
      expect(sequence).toBeGreaterThan(before.get(name)!.sequence)
    }
    expect(new Set(Object.values(await eventsOf(site, 'shop')))).toEqual(new Set([1]))

    // Who comes back waits, and answers for the leader; who goes in an orderly way lets the other one lead at once.
    await first.start()
    expect(await assignments(first)).toEqual(await assignments(second))
    const stoppedAt = Date.now()
    const stopped = second.stop()
    await site.untilLeader({ before: second })
    expect(Date.parse((await site.lease()).spec.acquireTime) - stoppedAt).toBeLessThan(10_000)
    expect((await stopped).code).toBe(0)
    await kube.apply(imageCache('shop', [{ images: [big.reference] }]))
    await site.untilStatus('shop', ({ status, counts }) => status === 'Succeeded' && counts.images === 1)
  })
})
