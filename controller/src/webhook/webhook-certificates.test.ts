import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { makeAuthority } from './issue-certificates.ts'
import { certificatesIn } from '@stowage/mirror/server/tls/key-pair'
import { defaultLifetimes } from './plan-certificates.ts'
import { certificateTimes, makeCertificates, takeCertificateStep } from './take-certificate-step.ts'
import {
  namesOfService,
  readCertificates,
  secretDataOf,
  trustedAuthorities,
  type SecretData,
  type WebhookCertificates,
} from './webhook-certificates.ts'

const now = Date.parse('2026-11-23T12:00:00Z')
const names = namesOfService({ name: 'kube-fledged-webhook-server', namespace: 'kube-fledged' })
const options = { lifetimes: defaultLifetimes, names, now }
const day = 24 * 3600_000

describe('certificates', () => {
  let made: WebhookCertificates
  let other: WebhookCertificates
  beforeAll(async () => {
    made = await makeCertificates(undefined, options)
    other = await makeCertificates(undefined, { ...options, names: ['other'] })
  })

  it('are for all names of the Service, of an authority of their own, and good for as long as they were asked for', () => {
    const serving = new X509Certificate(made.serving.certificate)
    const authority = new X509Certificate(made.authority.certificate)
    expect(serving.subjectAltName).toBe(names.map((name) => `DNS:${name}`).join(', '))
    expect(serving.checkIssued(authority) && serving.verify(authority.publicKey)).toBe(true)
    expect([authority.ca, serving.ca]).toEqual([true, false])
    expect(authority.subject).not.toBe(new X509Certificate(other.authority.certificate).subject)
    expect(certificateTimes(made)).toEqual({
      begins: now - 5 * 60_000,
      authorityEnds: now + 730 * day,
      servingEnds: now + 90 * day,
      nextEnds: undefined,
      hasPrevious: false,
      changedAt: now,
    })
  })

  it('are valid already for a clock that is somewhat behind, and never longer than their authority', async () => {
    expect(new X509Certificate(made.serving.certificate).validFromDate.getTime()).toBeLessThan(now - 60_000)
    const lifetimes = { ...defaultLifetimes, authorityMs: 10_000 }
    const { authorityEnds, servingEnds } = certificateTimes(
      await makeCertificates(undefined, { ...options, lifetimes }),
    )
    expect(servingEnds).toBe(authorityEnds)
  })

  it('are read from a Secret as they were written there, among what others keep in it', async () => {
    const next = await takeCertificateStep('make-next', made, options)
    const switched = await takeCertificateStep('switch', next, options)
    for (const certificates of [made, next, switched]) {
      const data = secretDataOf(certificates, { note: 'bWluZQ==', 'next-ca.crt': 'old' })
      expect(data['note']).toBe('bWluZQ==')
      expect(readCertificates(data, names)).toEqual(certificates)
    }
  })

  it('change hands with both authorities trusted', async () => {
    const next = await takeCertificateStep('make-next', made, options)
    expect([next.authority, next.serving]).toEqual([made.authority, made.serving])
    expect(trustedAuthorities(next)).toEqual([made.authority.certificate, next.next?.certificate])
    const switched = await takeCertificateStep('switch', next, options)
    expect(trustedAuthorities(switched)).toEqual([next.next?.certificate, made.authority.certificate])
    expect(new X509Certificate(switched.serving.certificate).verify(publicKeyOf(switched))).toBe(true)
    const alone = await takeCertificateStep('forget-previous', switched, options)
    expect(trustedAuthorities(alone)).toEqual([next.next?.certificate])
    const renewed = await takeCertificateStep('renew', alone, options)
    expect(renewed).toEqual({ ...alone, serving: expect.not.objectContaining(alone.serving) })
  })

  it('that are made anew leave the authority trusted that was served with until now, unless it has ended', async () => {
    const again = await makeCertificates(made.authority.certificate, options)
    expect(trustedAuthorities(again)).toEqual([again.authority.certificate, made.authority.certificate])
    const later = { ...options, now: now + 800 * day }
    expect(trustedAuthorities(await makeCertificates(made.authority.certificate, later))).toHaveLength(1)
  })

  it.each<[string, (data: SecretData) => SecretData, string]>([
    ['empty', () => ({}), 'it holds no certificates'],
    ['without a key', (data) => pick(data, /^(?!tls\.key$)/), 'only one of tls.crt and tls.key'],
    [
      'with bytes that are no certificate',
      (data) => ({ ...data, 'ca.crt': 'AAAA' }),
      'ca.crt and ca.key: certificate or key',
    ],
    ['with the key of another one', (data) => ({ ...data, 'tls.key': data['ca.key']! }), 'the key is not that'],
    [
      'with another authority',
      (data) => ({ ...data, ...pick(secretDataOf(other, {}), /^ca/) }),
      'tls.crt is not signed by ca.crt',
    ],
    ['for another name', () => secretDataOf(other, {}), 'tls.crt is not for kube-fledged-webhook-server'],
    [
      'with a server as the authority to come',
      (data) => ({ ...data, 'next-ca.crt': data['tls.crt']!, 'next-ca.key': data['tls.key']! }),
      'next-ca.crt is no authority',
    ],
    [
      'that does not say when',
      (data) => ({ ...data, 'authorities-changed-at': 'AAAA' }),
      'authorities-changed-at is no time',
    ],
  ])('are not believed from a Secret that is %s', (_, spoil, why) => {
    expect(() => readCertificates(spoil(secretDataOf(made, {})), names)).toThrow(why)
  })

  it('are found in a bundle between other words', async () => {
    const { certificate } = await makeAuthority({ now, forMs: day })
    expect(certificatesIn(`# who\n${certificate}\n\n${made.authority.certificate.replaceAll('\n', '\r\n')}`)).toEqual([
      certificate,
      made.authority.certificate,
    ])
    expect(certificatesIn('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----')).toEqual([])
  })
})

function publicKeyOf({ authority }: WebhookCertificates): X509Certificate['publicKey'] {
  return new X509Certificate(authority.certificate).publicKey
}

function pick(data: SecretData, keys: RegExp): SecretData {
  return Object.fromEntries(Object.entries(data).filter(([key]) => keys.test(key)))
}
