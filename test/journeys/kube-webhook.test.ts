import { writeFile } from 'node:fs/promises'
import { makeAuthority, makeServing } from '@stowage/controller/webhook/issue-certificates'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { openJourney, type Journey } from '../harness/journey.ts'
import { imageCache, namespace } from '../harness/kube/cluster-site.ts'
import { openWebhookSite, webhookSecret, webhookServer, type WebhookSite } from '../harness/kube/webhook-site.ts'
import { requirePart } from '../harness/require-part.ts'
import type { Restartable } from '../harness/restartable.ts'

const denied = 'admission webhook "validate-image-cache.kubefledged.io" denied the request: '
const good = imageCache('good', [{ images: ['a'] }])
const empty = imageCache('empty', [{ images: [] }])

interface Configuration {
  readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string; readonly service: object } }[]
}
interface Secret {
  readonly metadata: { readonly uid: string; readonly resourceVersion: string }
  readonly data: Readonly<Record<string, string>>
}

/** As kube-fledged's manifests have it: failing closed, and with an authority that nobody has the key of. */
function leftover(name: string, service: object, caBundle: string): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'validate-image-cache.kubefledged.io',
        admissionReviewVersions: ['v1beta1', 'v1'],
        timeoutSeconds: 1,
        failurePolicy: 'Fail',
        sideEffects: 'None',
        clientConfig: { service: { path: '/validate-image-cache', port: 3443, ...service }, caBundle },
        rules: [
          {
            apiGroups: ['kubefledged.io'],
            apiVersions: ['v1alpha2'],
            resources: ['imagecaches'],
            operations: ['CREATE', 'UPDATE'],
            scope: 'Namespaced',
          },
        ],
      },
    ],
  }
}

requirePart('kube-api')('the webhook before a real API server', () => {
  let journey: Journey
  let site: WebhookSite
  let replicas: Restartable[] = []
  const configuration = (name = webhookServer): Promise<Configuration> =>
    site.kube.get('validatingwebhookconfiguration', name)
  const secret = (): Promise<Secret> => site.kube.get('secret', webhookSecret, '--namespace', namespace)
  const start = async (...flags: string[]): Promise<void> => void replicas.push(await site.start(...flags))
  const accepted = (): Promise<boolean> => site.tryCreate(good).then(() => true)
  /** API servers hear of a configuration a moment after it was written. */
  const refuses = (error: unknown): boolean => String(error).includes('failed calling webhook')
  const unanswered = (): Promise<boolean> => accepted().then(() => false, refuses)

  beforeAll(async () => {
    journey = await openJourney({ onTestFailed: () => undefined })
    site = await openWebhookSite(journey)
  })
  afterEach(async () => {
    await Promise.all(replicas.map((replica) => replica.kill()))
    replicas = []
  })
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]()
    await journey?.[Symbol.asyncDispose]()
  })

  it('stands where a configuration of its name was left with a stale caBundle, and every write failed', async () => {
    await site.kube.apply(leftover(webhookServer, { namespace, name: webhookServer }, await staleBundle()))
    await eventually(unanswered, { what: 'a webhook that nobody answers for' })
    await start()
    await eventually(accepted, { what: 'an answer although nothing was applied' })
    await site.applyManifests()
    await site.tryCreate(good)
    expect((await configuration()).webhooks[0]).toMatchObject({ failurePolicy: 'Ignore', timeoutSeconds: 5 })
  })

  it('speaks with one certificate for several replicas that start at once, and one of them may die', async () => {
    await site.applyConfiguration('Fail')
    await eventually(unanswered, { what: 'a webhook that nobody answers for' })
    await Promise.all([start('--strict'), start('--strict'), start('--strict')])
    await eventually(accepted, { what: 'an answer' })
    const { data } = await secret()
    expect(Object.keys(data).toSorted()).toEqual(['authorities-changed-at', 'ca.crt', 'ca.key', 'tls.crt', 'tls.key'])
    expect((await configuration()).webhooks[0]?.clientConfig.caBundle).toBe(data['ca.crt'])
    for (let turn = 0; turn < 6; turn++) {
      await expect(site.tryCreate(empty)).rejects.toThrow(`${denied}No images specified within image list`)
    }
    await replicas[0]?.kill()
    for (let turn = 0; turn < 4; turn++) await site.tryCreate(good)
    expect((await secret()).data).toEqual(data)
  })

  it('does what kube-fledged refused, unless it is strict: then in its words, and never against orders and status', async () => {
    await site.applyConfiguration('Fail')
    await start('--strict')
    await eventually(accepted, { what: 'an answer' })
    const apply = (...lists: object[]): Promise<void> => site.kube.apply(imageCache('shop', lists))
    await apply({ images: ['a'] }, { images: ['b'], nodeSelector: { tier: 'x' } })
    await expect(apply({ images: ['a'] })).rejects.toThrow(`${denied}Mismatch in no. of image lists`)
    await expect(apply({ images: ['a'] }, { images: ['b'] })).rejects.toThrow(`${denied}Mismatch in node selector`)
    await expect(apply({ images: ['a'] }, { images: [], nodeSelector: { tier: 'x' } })).rejects.toThrow(
      `${denied}No images specified within image list`,
    )
    await apply({ images: ['a', 'c'] }, { images: [''], nodeSelector: { tier: 'x' } })
    await replicas[0]?.kill()
    await expect(apply({ images: ['a'] }, { images: ['b'], nodeSelector: { tier: 'x' } })).rejects.toThrow(
      'failed calling',
    )
    await writeAsController('shop')

    await start()
    await eventually(() => apply({ images: [] }).then(() => true), { what: 'an answer' })
    const long = imageCache('long', [{ images: [`registry.example.com:5000/${'a/'.repeat(120)}a`] }])
    await expect(site.tryCreate(long)).rejects.toThrow(`${denied}spec.cacheSpec[0].images[0]: "registry`)
  })

  it('is not missed when it is dead: the definition refuses what must not come in, in the same words', async () => {
    await site.applyConfiguration('Ignore')
    await start()
    await eventually(accepted, { what: 'an answer' })
    await replicas[0]?.kill()
    await site.tryCreate(good)
    await site.kube.apply(imageCache('shop', [{ images: [] }, { images: ['a'] }]))
    await writeAsController('shop')
    for (const [images, words] of [
      [['a', 'b', 'a'], 'Duplicate image names within image list: a'],
      [['a;reboot'], 'spec.cacheSpec[0].images[0]: Invalid value: "a;reboot"'],
    ] as const) {
      await expect(site.tryCreate(imageCache('bad', [{ images }]))).rejects.toThrow(words)
    }
  })

  it('is believed again at once after somebody applied a stale caBundle, path and port', async () => {
    await site.applyConfiguration('Fail')
    await start()
    await eventually(accepted, { what: 'an answer' })
    const stale = await staleBundle()
    await site.kube.apply(leftover(webhookServer, { namespace, name: webhookServer, path: '/', port: 443 }, stale))
    const since = performance.now()
    await eventually(accepted, { what: 'an answer after a stale bundle', withinMs: 10_000, everyMs: 10 })
    console.log(
      `webhook: believed again ${Math.round(performance.now() - since)} ms after a stale caBundle was applied`,
    )
    await site.applyConfiguration('Fail')
    const isHealed = async (): Promise<boolean> =>
      (await configuration()).webhooks[0]?.clientConfig.caBundle === (await secret()).data['ca.crt']
    await eventually(isHealed, { what: 'the caBundle of the Secret', withinMs: 30_000 })
  })

  it('goes over to another authority and forgets the one before without one call that fails', async () => {
    await site.applyConfiguration('Fail')
    // A process that stands still for a second or two on a busy machine does no harm.
    const lifetimes = ['--authority-lifetime', '15s', '--certificate-lifetime', '9s', '--settle', '300ms']
    await site.kube.kubectl('delete', 'secret', webhookSecret, '--namespace', namespace)
    await Promise.all([start('--strict', ...lifetimes), start('--strict', ...lifetimes)])
    await eventually(accepted, { what: 'an answer' })
    const authorities = new Set<string>()
    const trusted = new Set<string>()
    let isOver = false
    while (!isOver) {
      await expect(site.tryCreate(empty)).rejects.toThrow(denied)
      const { data } = await secret()
      authorities.add(data['ca.crt'] ?? '')
      trusted.add((await configuration()).webhooks[0]?.clientConfig.caBundle ?? '')
      isOver = authorities.size > 1 && data['previous-ca.crt'] === undefined
    }
    // Alone, beside the other one from before it signed until after it did, and the other one alone.
    expect(trusted.size).toBeGreaterThan(authorities.size)
  })

  it('makes its Secret again when somebody deletes or spoils it, and is believed all the while', async () => {
    await site.applyConfiguration('Fail')
    await Promise.all([start('--strict', '--settle', '100ms'), start('--strict', '--settle', '100ms')])
    await eventually(accepted, { what: 'an answer' })
    const isOther = (before: Secret) => async (): Promise<boolean> => {
      await expect(site.tryCreate(empty)).rejects.toThrow(denied)
      const { data } = await secret()
      const bundle = (await configuration()).webhooks[0]?.clientConfig.caBundle
      return data['tls.crt'] !== before.data['tls.crt'] && data['tls.crt'] !== 'AAAA' && bundle === data['ca.crt']
    }
    const deleted = await secret()
    await site.kube.kubectl('delete', 'secret', webhookSecret, '--namespace', namespace)
    await eventually(isOther(deleted), { what: 'another Secret, alone believed', withinMs: 20_000 })
    const spoilt = await secret()
    const patch = JSON.stringify({ data: { 'tls.crt': 'AAAA' } })
    await site.kube.kubectl('patch', 'secret', webhookSecret, '--namespace', namespace, '--patch', patch)
    await eventually(isOther(spoilt), { what: 'a good Secret, alone believed', withinMs: 20_000 })
    expect((await secret()).metadata.uid).toBe(spoilt.metadata.uid)
  })

  it('serves with a certificate of somebody else, also with the next one, and leaves their caBundle alone', async () => {
    const validity = { now: Date.now(), forMs: 3600_000 }
    const authority = await makeAuthority(validity)
    const files = { certificate: journey.at('tls.crt'), key: journey.at('tls.key') }
    const renew = async (): Promise<void> => {
      const names = [`${webhookServer}.${namespace}.svc`]
      const { certificate, key } = await makeServing(authority, { ...validity, names })
      await writeFile(files.key, key)
      await writeFile(files.certificate, certificate)
    }
    await renew()
    const caBundle = Buffer.from(authority.certificate).toString('base64')
    await site.kube.apply(leftover(webhookServer, { namespace, name: webhookServer, port: 443 }, caBundle))
    await start('--strict', '--cert-file', files.certificate, '--key-file', files.key)
    await eventually(accepted, { what: 'an answer' })
    const read = replicas[0]?.program().lineCount() ?? 0
    await renew()
    await replicas[0]?.program().waitForLine(/certificate read/, { after: read })
    await expect(site.tryCreate(empty)).rejects.toThrow(denied)
    expect((await configuration()).webhooks[0]?.clientConfig).toMatchObject({ caBundle, service: { port: 3443 } })
  })

  it('takes away what kube-fledged left and nobody serves, and nothing else', async () => {
    await site.applyConfiguration('Fail')
    const [ofChart, ofLaterChart] = ['kube-fledged-webhook-server', 'kubefledged-webhook-configuration']
    await start('--take-over', ofChart, '--take-over', ofLaterChart)
    await eventually(accepted, { what: 'an answer' })
    const stale = await staleBundle()
    const away = { namespace, name: 'kube-fledged-webhook-server' }
    await replicas[0]?.kill()
    await site.kube.apply(leftover(ofChart, away, stale))
    await site.kube.apply(leftover(ofLaterChart, { namespace, name: webhookServer }, stale))
    await eventually(unanswered, { what: 'a webhook that nobody answers for' })
    await replicas[0]?.start()
    await eventually(accepted, { what: 'an answer beside configurations that nobody serves' })
    for (const name of [ofChart, ofLaterChart]) await expect(configuration(name)).rejects.toThrow('not found')

    await site.kube.apply(serviceOf(ofChart), slicesOf(ofChart))
    await site.kube.apply(leftover(ofChart, away, stale))
    await replicas[0]?.program().waitForLine(/another webhook for ImageCaches is served/)
    await configuration(ofChart)
    await site.kube.kubectl('delete', 'validatingwebhookconfiguration', ofChart)
  })

  it("refuses under kube-fledged's definition, which refuses nothing, what ours would refuse", async () => {
    await site.applyConfiguration('Fail')
    await start()
    await eventually(accepted, { what: 'an answer' })
    const path = '/spec/versions/0/schema/openAPIV3Schema'
    const value = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
    const patch = JSON.stringify([{ op: 'replace', path, value }])
    await site.kube.kubectl('patch', 'crd', 'imagecaches.kubefledged.io', '--type=json', '--patch', patch)
    const why = (images: readonly string[]): Promise<string> =>
      site.tryCreate(imageCache('bad', [{ images: ['a'] }, { images }])).then(String, String)
    const twice = `${denied}Duplicate image names within image list: c`
    await eventually(async () => (await why(['b', 'c', 'b;', 'c'])).includes(twice), {
      what: 'a denial by the webhook',
    })
    expect(await why(['$(reboot)'])).toContain(`${denied}spec.cacheSpec[1].images[0]: "$(reboot)" is not an image`)
  })

  /** What a controller and its users write besides specs. */
  async function writeAsController(name: string): Promise<void> {
    const at = [name, '--namespace', namespace]
    const status = JSON.stringify({ status: { status: 'Succeeded', reason: 'ImageCacheUpdate' } })
    await site.kube.kubectl('patch', 'ic', ...at, '--subresource=status', '--type=merge', '--patch', status)
    await site.kube.kubectl('annotate', 'ic', ...at, '--overwrite', 'kubefledged.io/refresh-imagecache=')
    const finalizers = JSON.stringify({ metadata: { finalizers: ['stowage.dev/purge'] } })
    await site.kube.kubectl('patch', 'ic', ...at, '--type=merge', '--patch', finalizers)
    const none = JSON.stringify({ metadata: { finalizers: [] } })
    await site.kube.kubectl('patch', 'ic', ...at, '--type=merge', '--patch', none)
  }
})

function serviceOf(name: string): object {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { ports: [{ port: 3443 }] } }
}

function slicesOf(name: string): object {
  const labels = { 'kubernetes.io/service-name': name }
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace, labels },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.2.3'], conditions: { ready: true } }],
  }
}

/** An authority that nobody serves by. */
async function staleBundle(): Promise<string> {
  const { certificate } = await makeAuthority({ now: Date.now(), forMs: 3600_000 })
  return Buffer.from(certificate).toString('base64')
}
