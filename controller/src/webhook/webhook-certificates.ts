import { createPrivateKey, X509Certificate } from 'node:crypto'
import { Fault } from '@stowage/mirror/oci/fault'
import { certificatesIn, whyNoPair, type KeyPair } from '@stowage/mirror/server/tls/key-pair'

/** What all replicas share: the certificate that they serve with, and who vouches for it. */
export interface WebhookCertificates {
  readonly authority: KeyPair
  /** Signed by the authority. */
  readonly serving: KeyPair
  /** The authority to come: trusted before it signs. */
  readonly next?: KeyPair
  /** The authority before: trusted until nobody serves with what it signed. */
  readonly previous?: string
  /** When one of the authorities came or went last, epoch milliseconds. */
  readonly changedAt: number
}

/** `data` of a Secret: base64 by key. */
export type SecretData = Readonly<Record<string, string>>

/** The names of the keys are those of Secrets for TLS elsewhere, as far as they have a name for it. */
const keys = {
  authority: ['ca.crt', 'ca.key'],
  serving: ['tls.crt', 'tls.key'],
  next: ['next-ca.crt', 'next-ca.key'],
  previous: 'previous-ca.crt',
  changedAt: 'authorities-changed-at',
} as const
const allKeys: readonly string[] = Object.values(keys).flat()

/**
 * Reads what `secretDataOf` wrote, and believes nothing of it that does not fit together. Whether it is still valid today is not
 * asked.
 * @throws Fault invalid, with what is wrong
 */
export function readCertificates(data: SecretData, names: readonly string[]): WebhookCertificates {
  const authority = pairIn(data, keys.authority)
  const serving = pairIn(data, keys.serving)
  if (!authority || !serving) throw new Fault('invalid', 'it holds no certificates')
  const { certificate } = serving
  const signed = new X509Certificate(certificate)
  if (!signed.verify(new X509Certificate(authority.certificate).publicKey))
    throw new Fault('invalid', `${keys.serving[0]} is not signed by ${keys.authority[0]}`)
  const missing = names.find((name) => signed.checkHost(name) === undefined)
  if (missing !== undefined) throw new Fault('invalid', `${keys.serving[0]} is not for ${missing}`)
  const next = pairIn(data, keys.next)
  const [previous] = certificatesIn(textIn(data, keys.previous) ?? '')
  const changedAt = Date.parse(textIn(data, keys.changedAt) ?? '')
  if (Number.isNaN(changedAt)) throw new Fault('invalid', `${keys.changedAt} is no time`)
  return {
    authority: authorityOf(authority, keys.authority[0]),
    serving,
    changedAt,
    ...(next && { next: authorityOf(next, keys.next[0]) }),
    ...(previous !== undefined && { previous }),
  }
}

/** What is to stand in a Secret instead of what stands there; keys that are not ours stay. */
export function secretDataOf(certificates: WebhookCertificates, before: SecretData): SecretData {
  const { authority, serving, next, previous, changedAt } = certificates
  const others = Object.entries(before).filter(([key]) => !allKeys.includes(key))
  return {
    ...Object.fromEntries(others),
    ...dataOf(keys.authority, authority),
    ...dataOf(keys.serving, serving),
    ...(next && dataOf(keys.next, next)),
    ...(previous !== undefined && { [keys.previous]: base64(previous) }),
    [keys.changedAt]: base64(new Date(changedAt).toISOString()),
  }
}

/** The authorities that an API server is to believe, the one that signs first. */
export function trustedAuthorities({ authority, next, previous }: WebhookCertificates): string[] {
  return [authority.certificate, ...(next ? [next.certificate] : []), ...(previous === undefined ? [] : [previous])]
}

/** All names by which a Service is called. */
export function namesOfService({ name, namespace }: { readonly name: string; readonly namespace: string }): string[] {
  return [name, `${name}.${namespace}`, `${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`]
}

function pairIn(data: SecretData, [certificateKey, keyKey]: readonly [string, string]): KeyPair | undefined {
  const [certificate, key] = [textIn(data, certificateKey), textIn(data, keyKey)]
  if (certificate === undefined && key === undefined) return undefined
  if (certificate === undefined || key === undefined)
    throw new Fault('invalid', `it holds only one of ${certificateKey} and ${keyKey}`)
  const why = whyNoPair({ certificate, key })
  if (why !== undefined) throw new Fault('invalid', `${certificateKey} and ${keyKey}: ${why}`)
  return { certificate: new X509Certificate(certificate).toString(), key }
}

function authorityOf(pair: KeyPair, key: string): KeyPair {
  if (!new X509Certificate(pair.certificate).ca) throw new Fault('invalid', `${key} is no authority`)
  const { namedCurve } = createPrivateKey(pair.key).asymmetricKeyDetails ?? {}
  if (namedCurve !== 'prime256v1') throw new Fault('invalid', `${key} is none of ours: its key is not of P-256`)
  return pair
}

function textIn(data: SecretData, key: string): string | undefined {
  const value = data[key]
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString()
}

function dataOf([certificateKey, keyKey]: readonly [string, string], { certificate, key }: KeyPair): SecretData {
  return { [certificateKey]: base64(certificate), [keyKey]: base64(key) }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}
