import type { CacheStatus } from '@stowage/controller/api/cache-status'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { neverLate, type Agent } from '../harness/agent.ts'
import { freePort } from '../harness/free-port.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { imageCache, namespace, openClusterSite, type ClusterSite } from '../harness/kube/cluster-site.ts'
import { requirePart } from '../harness/require-part.ts'

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const failedMessage = 'Image pull failed for some images. Please see "failures" section'

const condition = (type: string, [status, reason, message]: readonly [string, string, unknown]): object => {
  return { type, status, reason, message, lastTransitionTime: time }
}

requirePart('kube-api')('what an ImageCache comes to', () => {
  let journey: Journey
  let site: ClusterSite
  let two: Agent
  beforeAll(async () => {
    journey = await openJourney({ onTestFailed: () => undefined })
    site = await openClusterSite(journey)
    await site.agent('edge-1', { labels: { 'kubernetes.io/hostname': 'vms105' }, flags: neverLate })
    two = await site.agent('edge-2', {
      labels: { 'kubernetes.io/hostname': 'vms106' },
      flags: ['--contact-every', '5s'],
    })
  })
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]()
    await journey?.[Symbol.asyncDispose]()
  })

  const eventsOf = async (name: string): Promise<string[]> => {
    const { items } = await site.kube.get<{ items: { type: string; reason: string; message: string }[] }>(
      'events',
      '--namespace',
      namespace,
      `--field-selector=involvedObject.name=${name}`,
    )
    return items.map(({ type, reason, message }) => `${type} ${reason} ${message}`)
  }

  it('is a failure that names the cause for each image and node, by its hostname, as soon as it is known', async () => {
    const registry = new URL((await site.push('there')).reference.replace(/^/, 'http://')).host
    const absent = `${registry}/absent:v1`
    const [unknownHost, nobody] = ['registry.invalid/app:v1', `127.0.0.1:${await freePort()}/app:v1`]
    await site.kube.apply(
      imageCache('absent', [{ images: [absent] }]),
      imageCache('unknown', [{ images: [unknownHost] }]),
      imageCache('nobody', [{ images: [nobody] }]),
    )
    await site.untilStatus('absent', (said) => said.status === 'Failed')
    const { status } = await site.cache('absent')
    const cause = expect.stringMatching(new RegExp(`^${absent}: .*404`))
    const failure = (node: string): object => ({ node, reason: 'ImageNotFound', message: cause })
    expect(status).toEqual({
      status: 'Failed',
      reason: 'ImageCacheCreate',
      message: failedMessage,
      startTime: time,
      completionTime: time,
      failures: { [absent]: [failure('vms105'), failure('vms106')] },
      observedGeneration: 1,
      counts: {
        images: 1,
        nodes: { matched: 2, reachable: 2, withoutAgent: 0, complete: 0, failed: 2 },
        copies: { wanted: 2, present: 0, fetching: 0, waiting: 0, failed: 2 },
      },
      bytes: { wanted: 0, present: 0, unknown: 2 },
      conditions: [
        condition('Accepted', ['True', 'Valid', '']),
        condition('Resolved', ['False', 'NotFound', cause]),
        condition('Synced', ['False', 'Failed', '0 of 2 copies are in place']),
        condition('AgentsPresent', ['True', 'AgentsPresent', '']),
      ],
      summary: { nodes: '0/2', bytes: '0 B of 0 B' },
    })
    expect(await eventsOf('absent')).toEqual([`Warning ImageCacheCreate ${failedMessage}`])

    const reasonOf = async (name: string): Promise<string> => {
      const { failures } = await site.untilStatus(name, (said) => said.status === 'Failed')
      const { reason, message } = Object.values(failures ?? {})[0]?.[0] ?? {}
      return `${reason}: ${message}`
    }
    expect(await reasonOf('unknown')).toMatch(
      /^RegistryUnavailable: .*registry\.invalid.*(?:no such host|ENOTFOUND|EAI_AGAIN)/,
    )
    expect(await reasonOf('nobody')).toMatch(/^RegistryUnavailable: 127\.0\.0\.1:\d+: .*(?:refused|ECONNREFUSED)/)
    await site.kube.kubectl('delete', 'imagecaches', '--all', '--namespace', namespace)
  })

  it('is that no node is selected', async () => {
    const app = await site.push('nowhere')
    const message = 'No images were pulled or deleted because nodeSelector specified did not match any nodes'
    await site.kube.apply(imageCache('nowhere', [{ images: [app.reference], nodeSelector: { zone: 'none' } }]))
    const isLookedUp = ({ conditions }: CacheStatus): boolean => conditions.some(({ reason }) => reason === 'LookedUp')
    await site.untilStatus('nowhere', isLookedUp)
    expect((await site.cache('nowhere')).status).toEqual({
      status: 'NoImagesPulledOrDeleted',
      reason: 'ImageCacheCreate',
      message,
      startTime: time,
      completionTime: time,
      observedGeneration: 1,
      counts: {
        images: 1,
        nodes: { matched: 0, reachable: 0, withoutAgent: 0, complete: 0, failed: 0 },
        copies: { wanted: 0, present: 0, fetching: 0, waiting: 0, failed: 0 },
      },
      bytes: { wanted: 0, present: 0, unknown: 0 },
      conditions: [
        condition('Accepted', ['True', 'Valid', '']),
        condition('Resolved', ['True', 'LookedUp', 'the mirror copies it once a node is selected']),
        condition('Synced', ['Unknown', 'NoImagesPulledOrDeleted', '']),
        condition('AgentsPresent', ['True', 'AgentsPresent', '']),
      ],
      summary: { nodes: '0/0', bytes: '0 B of 0 B' },
    })
    expect(await eventsOf('nowhere')).toEqual([`Normal ImageCacheCreate ${message}`])
  })

  it('is that nodes are waited for which are offline or without an agent, and whom nobody needs to wait for', async () => {
    const app = await site.push('app')
    await two.kill()
    const node = (name: string, labels: object = {}): object => {
      return { apiVersion: 'v1', kind: 'Node', metadata: { name, labels } }
    }
    await site.kube.apply(
      node('no-agent'),
      node('virtual', { 'stowage.dev/agent': 'none' }),
      node('windows', { 'kubernetes.io/os': 'windows' }),
      imageCache('waiting', [{ images: [app.reference] }]),
    )
    const offline = '1 of 3 nodes are offline and will follow when they are back'
    const message = `All reachable nodes are done; ${offline}; 1 of 3 nodes run no agent yet`
    await site.untilStatus('waiting', (said) => said.message === message)
    const amount = expect.stringMatching(/^\d+(?:\.\d)? (?:B|kB|MB) of \d+(?:\.\d)? (?:B|kB|MB)$/)
    expect((await site.cache('waiting')).status).toEqual({
      status: 'AwaitingOfflineNodes',
      reason: 'ImageCacheCreate',
      message,
      startTime: time,
      completionTime: time,
      observedGeneration: 1,
      counts: {
        images: 1,
        nodes: { matched: 3, reachable: 1, withoutAgent: 1, complete: 1, failed: 0 },
        copies: { wanted: 3, present: 1, fetching: 0, waiting: 2, failed: 0 },
      },
      bytes: { wanted: expect.any(Number), present: expect.any(Number), unknown: expect.any(Number) },
      conditions: [
        condition('Accepted', ['True', 'Valid', '']),
        condition('Resolved', ['True', 'Mirrored', '']),
        condition('Synced', ['Unknown', 'AwaitingOfflineNodes', '1 of 3 copies are in place']),
        condition('AgentsPresent', ['False', 'NodesWithoutAgent', '1 of 3 selected nodes run no agent: no-agent']),
      ],
      summary: { nodes: '1/3', bytes: amount },
    })
    await site.kube.kubectl('label', 'node', 'no-agent', 'stowage.dev/agent=none')
    await two.start()
    const { counts } = await site.untilStatus('waiting', ({ status }) => status === 'Succeeded')
    expect(counts.nodes).toMatchObject({ matched: 2, withoutAgent: 0, complete: 2 })
  })
})
