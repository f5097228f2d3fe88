import { expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { openJourney } from '../harness/journey.ts'
import { imageCache, namespace } from '../harness/kube/cluster-site.ts'
import { kubeProgram } from '../harness/kube/kube-programs.ts'
import { openReplicaSite, type Replica, type ReplicaSite } from '../harness/kube/replica-site.ts'
import { holds, untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import type { PushedImage } from '../harness/source-registry.ts'
import { spawnProgram, type Spawned } from '../harness/spawned.ts'
import { askCentre } from '../harness/stowage-get.ts'

const shortLease = [
  '--leader-elect-lease-duration=6s',
  '--leader-elect-renew-deadline=4s',
  '--leader-elect-retry-period=1s',
]

const other = ({ replicas }: ReplicaSite, than: Replica): Replica => replicas.find(({ name }) => name !== than.name)!

type Assignments = ReadonlyMap<string, { readonly epoch: string; readonly sequence: number }>

/** What each node was told last. */
async function assignments(replica: Replica): Promise<Assignments> {
  const told = (await askCentre('nodes', replica.url)).map(({ name, assignment }) => {
    const [epoch = '', sequence] = (assignment ?? '').split('/')
    return [name, { epoch, sequence: Number(sequence) }] as const
  })
  return new Map(told)
}

function expectSequel(after: Assignments, before: Assignments): void {
  for (const [name, { epoch, sequence }] of after) {
    expect([name, epoch]).toEqual([name, before.get(name)?.epoch])
    expect(sequence).toBeGreaterThan(before.get(name)?.sequence ?? Infinity)
  }
}

async function endsWith(replica: Replica, words: RegExp): Promise<void> {
  expect((await replica.program().exited).code).toBe(1)
  expect(replica.program().lines()).toContainEqual(expect.stringMatching(words))
}

/** All that controllers write, by its version; not what nodes say, which goes on. */
async function writtenBy({ kube, versions }: ReplicaSite): Promise<unknown> {
  const stored = [...(await versions('controller/'))].filter(([key]) => !key.startsWith('controller/nodes/'))
  const kinds = 'imagecaches,edgenodes,events'
  interface Written {
    readonly kind: string
    readonly metadata: { readonly name: string; readonly resourceVersion: string }
  }
  const { items } = await kube.get<{ items: Written[] }>(kinds, '--namespace', namespace)
  const written = items.map(({ kind, metadata: { name, resourceVersion } }) => [`${kind} ${name}`, resourceVersion])
  return Object.fromEntries([...stored, ...written])
}

/** Each state of the objects of a kind that kubectl sees, from now on. */
function watchStates({ kube }: ReplicaSite, kind: string): Spawned {
  const args = ['--kubeconfig', kube.files.kubeconfig, 'get', kind, '--all-namespaces', '--watch', '--no-headers']
  return spawnProgram(kubeProgram('kubectl'), args)
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
    await using nodeStates = watchStates(site, 'edgenodes')
    await using cacheStates = watchStates(site, 'imagecaches')
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
    expectSequel(await assignments(second), before)
    expect(new Set(Object.values(await eventsOf(site, 'shop')))).toEqual(new Set([1]))

    // Nobody could be heard for longer than nodes are silent: that was no reason to say anything of them.
    for (const line of nodeStates.lines()) expect(line).not.toMatch(/Offline|Failing/)
    expect(nodeStates.lines().length).toBeGreaterThan(3)
    for (const line of cacheStates.lines()) expect(line).toMatch(/shop +(Processing|Succeeded) /)

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

  it('end as leaders who stood still or lose the API server, and write nothing more; nodes go on with the next one', async () => {
    await using journey = await openJourney()
    await using site = await openReplicaSite(journey, { flags: shortLease })
    const { kube, door } = site
    const { layout } = await site.agent('edge-1')
    const [app, next, last] = [await site.push('app'), await site.push('next'), await site.push('last')]
    const wish = (...images: PushedImage[]): Promise<void> =>
      kube.apply(imageCache('shop', [{ images: images.map(({ reference }) => reference) }]))
    const still = await site.untilLeader()
    await wish(app)
    await site.untilStatus('shop', ({ status }) => status === 'Succeeded')

    process.kill(still.program().pid, 'SIGSTOP')
    door.leaveOut(still.url)
    const leader = await site.untilLeader({ before: still })
    await wish(app, next)
    await untilHeld(layout, [app, next])
    await site.untilStatus('shop', ({ status, reason }) => status === 'Succeeded' && reason === 'ImageCacheUpdate')
    const written = await writtenBy(site)
    process.kill(still.program().pid, 'SIGCONT')
    await endsWith(still, /^stowage: this process is the leader no longer/)
    expect(await writtenBy(site)).toEqual(written)
    expect(await site.untilLeader()).toBe(leader)

    await still.start()
    const before = await assignments(leader)
    await kube.server.kill()
    await endsWith(leader, /^stowage: .* was not renewed for 4 s/)
    expect((await fetch(`${still.url}/v2/`)).status).toBe(200)
    await eventually(async () => (await fetch(`${still.url}/api/v1/nodes`)).status === 503, { what: 'no leader' })
    await leader.start()
    await holds(layout, [app, next])
    await kube.server.start()
    await wish(app, next, last)
    await untilHeld(layout, [app, next, last])
    expectSequel(await assignments(await site.untilLeader()), before)
  })
})
