import { expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { openJourney } from '../harness/journey.ts'
import { imageCache } from '../harness/kube/cluster-site.ts'
import { openReplicaSite, type Replica, type ReplicaSite } from '../harness/kube/replica-site.ts'
import { untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'
import type { PushedImage } from '../harness/source-registry.ts'

const megabyte = 1_000_000
const shortLease = [
  '--leader-elect-lease-duration=6s',
  '--leader-elect-renew-deadline=4s',
  '--leader-elect-retry-period=1s',
]

function wish({ kube }: ReplicaSite, ...images: PushedImage[]): Promise<void> {
  return kube.apply(imageCache('shop', [{ images: images.map(({ reference }) => reference) }]))
}

/** Resolves when the leader has said in its log that the mirror is away. */
async function leaderSaysSo({ mirror, replicas }: ReplicaSite): Promise<void> {
  const where = `mirror ${new URL(mirror.url).host}: connection refused`
  const hasSaid = (replica: Replica): boolean =>
    replica
      .program()
      .lines()
      .some((line) => line.includes(where))
  await eventually(() => replicas.some(hasSaid), { what: `a log with "${where}"`, withinMs: 30_000 })
}

/** A controller without its mirror says so, and serves what it can. */
async function waits(replica: Replica): Promise<void> {
  await eventually(async () => (await fetch(`${replica.url}/readyz`)).status === 503, { what: 'not ready' })
  expect((await fetch(`${replica.url}/v2/app/manifests/v1`)).status).toBe(503)
  expect((await fetch(`${replica.url}/healthz`)).status).toBe(200)
  expect(replica.isRunning()).toBe(true)
}

async function untilReady(replica: Replica): Promise<void> {
  await eventually(async () => (await fetch(`${replica.url}/readyz`)).status === 200, { what: 'ready' })
}

requirePart('kube-api')('controllers without a disk', () => {
  it('wait for a mirror that is killed, also in the middle of a copy, and lose nothing', async () => {
    await using journey = await openJourney()
    await using site = await openReplicaSite(journey, { rate: 4 * megabyte, flags: shortLease })
    const { mirror, replicas, upstream } = site
    const crossed = async (): Promise<number> => (await upstream.stats()).total.blobBytes
    const here = await site.agent('edge-1')
    const [big, last] = [await site.push('big', { layerSizes: [12 * megabyte] }), await site.push('last')]
    const leader = await site.untilLeader()

    await wish(site, big)
    await eventually(async () => (await crossed()) > 5 * megabyte, { what: 'half of the copy', withinMs: 60_000 })
    await mirror.kill()
    await leaderSaysSo(site)
    await waits(leader)
    await mirror.start()
    for (const replica of replicas) await untilReady(replica)
    await untilHeld(here.layout, [big])
    await site.untilStatus('shop', ({ status }) => status === 'Succeeded')
    // What was on its way comes again, and what had arrived does not.
    expect(await crossed()).toBeLessThan(12 * megabyte + 6 * megabyte)

    // A node that comes while it is away waits with them.
    await mirror.kill()
    const late = await site.agent('edge-2')
    await waits(leader)
    await mirror.start()
    await untilHeld(late.layout, [big])

    // So do controllers that begin while it is away, and one that is killed over it.
    await mirror.kill()
    await Promise.all(replicas.map((replica) => replica.kill()))
    await Promise.all(replicas.map((replica) => replica.start()))
    for (const replica of replicas) await waits(replica)
    await leaderSaysSo(site)
    await mirror.start()
    await wish(site, big, last)
    for (const { layout } of [here, late]) await untilHeld(layout, [big, last])
    await site.untilStatus('shop', ({ status, counts }) => status === 'Succeeded' && counts.nodes.matched === 2)
    expect(await crossed()).toBeLessThan(12 * megabyte + 7 * megabyte)
  })
})
