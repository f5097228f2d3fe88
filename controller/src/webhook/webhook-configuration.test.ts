import { beforeAll, describe, expect, it } from 'vitest'
import { makeAuthority } from './issue-certificates.ts'
import { healedConfiguration, isTrustedBy, webhookName, whomItAsks, type Asked } from './webhook-configuration.ts'

const service = { namespace: 'kube-fledged', name: 'kube-fledged-webhook-server', port: 3443 }
const ours = {
  namespace: 'kube-fledged',
  name: 'kube-fledged-webhook-server',
  path: '/validate-image-cache',
  port: 3443,
}

function configuration(...webhooks: object[]): object {
  return {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: {},
    webhooks,
  }
}

function webhook(clientConfig: object, name = webhookName): object {
  return { name, clientConfig, failurePolicy: 'Fail', timeoutSeconds: 1, rules: [] }
}

const base64 = (...texts: string[]): string => Buffer.from(texts.join('\n')).toString('base64')

describe('a webhook configuration of another name', () => {
  const elsewhere = { namespace: 'kube-fledged', name: 'kubefledged-webhook-server' }
  it.each<[string, object, Asked]>([
    ['asks us', configuration(webhook({ service: ours })), { kind: 'us' }],
    ['asks another Service', configuration(webhook({ service: elsewhere })), { kind: 'service', ...elsewhere }],
    [
      'asks a Service of that name elsewhere',
      configuration(webhook({ service: { ...ours, namespace: 'b' } })),
      { kind: 'service', namespace: 'b', name: ours.name },
    ],
    ['asks by URL', configuration(webhook({ url: 'https://10.0.0.1' })), { kind: 'others' }],
    ['is not of kube-fledged', configuration(webhook({ service: elsewhere }, 'pods.example.com')), { kind: 'others' }],
    [
      'is not of kube-fledged alone',
      configuration(webhook({ service: elsewhere }), webhook({ service: elsewhere }, 'pods.example.com')),
      { kind: 'others' },
    ],
    ['holds no webhook', configuration(), { kind: 'others' }],
    ['is none', { webhooks: 'x' }, { kind: 'others' }],
  ])('%s', (_, object, asked) => {
    expect(whomItAsks(object, service)).toEqual(asked)
  })
})

describe('a webhook configuration of ours', () => {
  let [old, fresh] = ['', '']
  beforeAll(async () => {
    const made = { now: Date.now(), forMs: 3600_000 }
    old = (await makeAuthority(made)).certificate
    fresh = (await makeAuthority(made)).certificate
  })

  it('that asks us and believes whom it should is left alone, however its bundle is written', () => {
    const good = configuration(webhook({ service: ours, caBundle: base64('# ours', fresh, old) }))
    expect(healedConfiguration(good, { service, trusted: [old, fresh] })).toBeUndefined()
    expect(isTrustedBy(good, old)).toBe(true)
    expect(isTrustedBy(configuration(webhook({ service: ours, caBundle: base64(fresh) })), old)).toBe(false)
  })

  it.each<[string, () => object]>([
    ['a stale authority', () => ({ service: ours, caBundle: base64(old) })],
    ['one authority too many', () => ({ service: ours, caBundle: base64(old, fresh) })],
    ['no bundle', () => ({ service: ours })],
    ['a bundle that is none', () => ({ service: ours, caBundle: 'AAAA' })],
    ['another path', () => ({ service: { ...ours, path: '/' }, caBundle: base64(fresh) })],
    ['another port', () => ({ service: { ...ours, port: 443 }, caBundle: base64(fresh) })],
    ['another Service', () => ({ service: { ...ours, name: 'gone' }, caBundle: base64(fresh) })],
    ['a URL', () => ({ url: 'https://10.0.0.1', caBundle: base64(fresh) })],
  ])('with %s is healed, and only in that', (_, clientConfig) => {
    const foreign = webhook({ url: 'https://10.0.0.2' }, 'pods.example.com')
    const healed = healedConfiguration(configuration(webhook(clientConfig()), foreign), { service, trusted: [fresh] })
    expect(healed).toEqual(configuration(webhook({ service: ours, caBundle: base64(fresh) }), foreign))
  })

  it('keeps its bundle where somebody else sees to that', () => {
    const theirs = { service: { ...ours, port: 443 }, caBundle: base64(old) }
    expect(healedConfiguration(configuration(webhook(theirs)), { service, trusted: undefined })).toEqual(
      configuration(webhook({ service: ours, caBundle: base64(old) })),
    )
    expect(
      healedConfiguration(configuration(webhook({ service: ours })), { service, trusted: undefined }),
    ).toBeUndefined()
  })
})
