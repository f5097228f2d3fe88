import { Fault } from '@stowage/mirror/oci/fault'
import { beforeAll, expect, it } from 'vitest'
import { silentLog } from '../../testing/silent-log.ts'
import { makeAuthority } from '../../webhook/issue-certificates.ts'
import { webhookName } from '../../webhook/webhook-configuration.ts'
import type { KubeObject } from '../kube-object.ts'
import type { ObjectWatch, ObjectWatchState } from '../object-watch.ts'
import { createAttempts } from './attempts.ts'
import { createConfigurationKeeper, type ConfigurationKeeper } from './configuration-keeper.ts'
import { oneWebhookConfigurationResource, type WebhookClient } from './webhook-client.ts'

const service = { namespace: 'kube-fledged', name: 'kubefledged-webhook-server', port: 3443 }
const starting: ObjectWatchState = { condition: 'starting', isComplete: false, fault: undefined }
const ready: ObjectWatchState = { condition: 'ready', isComplete: true, fault: undefined }
const unreached: ObjectWatchState = { ...starting, fault: new Fault('unavailable', 'nobody answers') }
const forbidden: ObjectWatchState = { ...starting, fault: new Fault('denied', 'not for you') }

let authority = ''
beforeAll(async () => {
  authority = (await makeAuthority({ now: Date.now(), forMs: 3600_000 })).certificate
})

/** A watch of one name, as it stands at one moment. */
function watchOf(name: string, state: ObjectWatchState, asked?: { readonly name: string }): ObjectWatch {
  const clientConfig = { service: { namespace: 'kube-fledged', port: 3443, ...asked } }
  const object: KubeObject = {
    metadata: { name, uid: name, resourceVersion: '1' },
    webhooks: [{ name: webhookName, clientConfig }],
  }
  return {
    resource: oneWebhookConfigurationResource(name),
    state: () => state,
    objects: new Map(asked && state.isComplete ? [[name, object]] : []),
    listVersion: () => undefined,
    deleted: new Set(),
    forgetDeletions: () => undefined,
    take: () => undefined,
    run: async () => undefined,
  }
}

/** What a keeper of one own and one other configuration does, in order. */
async function doneBy(own: ObjectWatch, other: ObjectWatch): Promise<{ done: string[]; keeper: ConfigurationKeeper }> {
  const done: string[] = []
  const client: WebhookClient = {
    createSecret: () => Promise.reject(new Error('no Secret is its business')),
    updateSecret: () => Promise.reject(new Error('no Secret is its business')),
    updateConfiguration: async (object) => done.push(`heal ${(object as KubeObject).metadata.name}`),
    deleteConfiguration: async ({ metadata: { name } }) => done.push(`remove ${name}`),
    isServed: async ({ name }) => name === 'served',
  }
  const time = { now: () => 0, random: () => 1, log: silentLog }
  const keeper = createConfigurationKeeper({ ...time, own, others: [other], service, attempts: createAttempts(time) })
  await keeper.look(client, [authority])
  return { done, keeper }
}

it.each<[string, ObjectWatch, ObjectWatch, string[]]>([
  [
    'takes away beside its own one what asks the same Service',
    watchOf('own', ready, service),
    watchOf('left', ready, service),
    ['heal own', 'remove left'],
  ],
  ['heals that where its own one is not there', watchOf('own', ready), watchOf('left', ready, service), ['heal left']],
  [
    'heals that where its own one may not be read',
    watchOf('own', forbidden),
    watchOf('left', ready, service),
    ['heal left'],
  ],
  ['waits until its own one is listed', watchOf('own', starting), watchOf('left', ready, service), []],
  ['waits until somebody answers for it', watchOf('own', unreached), watchOf('left', ready, service), []],
  [
    'leaves alone who is served',
    watchOf('own', ready, service),
    watchOf('left', ready, { name: 'served' }),
    ['heal own'],
  ],
  [
    'takes away who is not',
    watchOf('own', ready, service),
    watchOf('left', ready, { name: 'gone' }),
    ['heal own', 'remove left'],
  ],
])('%s', async (_, own, other, expected) => {
  const { done } = await doneBy(own, other)
  expect(done).toEqual(expected)
})

it('takes no authority for trusted before all configurations are listed', async () => {
  const none = watchOf('left', ready)
  const isTrusted = async (own: ObjectWatch): Promise<boolean> => (await doneBy(own, none)).keeper.isTrusted(authority)
  expect(await isTrusted(watchOf('own', starting))).toBe(false)
  expect(await isTrusted(watchOf('own', ready, service))).toBe(false)
  expect(await isTrusted(watchOf('own', ready))).toBe(true)
})

it('needs no list of one that it may not read, whatever else becomes of asking for it', async () => {
  let state = unreached
  const { keeper } = await doneBy({ ...watchOf('own', starting), state: () => state }, watchOf('left', ready))
  expect(keeper.isKnown()).toBe(false)
  state = forbidden
  expect(keeper.isKnown()).toBe(true)
  state = unreached
  expect(keeper.isKnown()).toBe(true)
})
