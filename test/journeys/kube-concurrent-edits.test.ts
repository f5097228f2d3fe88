import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Agent } from '../harness/agent.ts'
import { eventually } from '../harness/eventually.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { imageCache, openClusterSite, type ClusterSite } from '../harness/kube/cluster-site.ts'
import { createHastyUser } from '../harness/kube/hasty-user.ts'
import { untilHeld } from '../harness/node-files.ts'
import { requirePart } from '../harness/require-part.ts'

const refresh = 'kubefledged.io/refresh-imagecache'
const finalizer = 'stowage.dev/purge'

requirePart('kube-api')('what a user writes while the controller writes', () => {
  let journey: Journey
  let site: ClusterSite
  let agent: Agent
  beforeAll(async () => {
    journey = await openJourney({ onTestFailed: () => undefined })
    site = await openClusterSite(journey)
    agent = await site.agent('edge-1')
  })
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]()
    await journey?.[Symbol.asyncDispose]()
  })

  it('is never lost, and keeps the controller from nothing', async () => {
    const { layout } = agent
    const [a, b] = [await site.push('a'), await site.push('b')]
    await site.kube.apply(imageCache('shop', [{ images: [a.reference] }]))
    using user = createHastyUser(site.kube, 'shop')
    const until = performance.now() + 30_000
    const [written, before] = [new Set<string>(), JSON.stringify((await user.read()).status)]
    let rounds = 0
    // Each round toggles the policy, for which the controller writes a finalizer, and gives an order, which it takes away.
    while (written.size < 3 && performance.now() < until) {
      rounds++
      await user.replace((object) => ({
        ...object,
        metadata: {
          ...object.metadata,
          annotations: { ...object.metadata.annotations, [`replaced/${rounds}`]: '', [refresh]: '' },
        },
        spec: {
          ...object.spec,
          cacheSpec: [{ images: rounds % 3 === 0 ? [a.reference] : [a.reference, b.reference] }],
          deletionPolicy: rounds % 2 === 0 ? 'Keep' : 'Purge',
          refreshFrequency: `${rounds}h`,
        },
      }))
      await user.annotate({ [`annotated/${rounds}`]: '' })
      const { metadata, status } = await user.read()
      if (metadata.finalizers?.includes(finalizer)) written.add('finalizer')
      if (JSON.stringify(status) !== before) written.add(JSON.stringify(status))
    }
    // Or it would be no wonder that nothing is lost.
    expect([...written]).toHaveLength(3)
    expect(written).toContain('finalizer')
    const { metadata, spec } = await user.read()
    const names = Object.keys(metadata.annotations ?? {}).filter((name) => /^(?:replaced|annotated)\//.test(name))
    expect(names).toHaveLength(2 * rounds)
    expect(metadata.generation).toBe(rounds + 1)
    expect(spec).toMatchObject({ refreshFrequency: `${rounds}h` })

    await user.replace((object) => ({ ...object, spec: { ...object.spec, deletionPolicy: 'Keep', suspend: false } }))
    await untilHeld(layout, [a])
    await site.untilStatus('shop', ({ status }) => status === 'Succeeded')
    const isDone = async (): Promise<boolean> => {
      const { annotations = {}, finalizers = [] } = (await user.read()).metadata
      return !(refresh in annotations) && finalizers.length === 0
    }
    await eventually(isDone, { what: 'the order and the finalizer gone', withinMs: 30_000 })
    const { generation } = (await user.read()).metadata
    expect(generation).toBe(rounds + 2)
  })

  it('is applied by whoever owns it, on the server or not, over all that the controller wrote', async () => {
    const { kube } = site
    const { layout } = agent
    const [a, b] = [await site.push('a'), await site.push('b')]
    using user = createHastyUser(kube, 'applied')
    const wish = (images: readonly string[], more: object = {}): object =>
      imageCache('applied', [{ images }], { deletionPolicy: 'Purge', ...more })
    await user.applyServerSide(wish([a.reference, b.reference]))
    await kube.apply(imageCache('client', [{ images: [a.reference] }]))
    for (const name of ['applied', 'client']) await site.untilStatus(name, ({ status }) => status === 'Succeeded')
    await untilHeld(layout, [a, b])

    // An order that a repository holds is obeyed each time it is applied anew, and is no conflict.
    await user.applyServerSide(wish([a.reference], { metadata: { annotations: { [refresh]: '' } } }))
    await kube.apply(imageCache('client', [{ images: [a.reference] }, { images: [] }]))
    const { observedGeneration } = await site.untilStatus('applied', ({ status }) => status === 'Succeeded')
    expect(observedGeneration).toBe(2)
    await site.untilStatus('client', ({ status }) => status === 'Succeeded')
    const { metadata } = await user.read()
    expect(metadata.finalizers).toEqual([finalizer])
    expect((await site.cache('client')).metadata.generation).toBe(2)
  })
})
