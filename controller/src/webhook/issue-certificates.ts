// What @peculiar/x509 is built on needs it before its first import.
import 'reflect-metadata'
import { createPrivateKey, KeyObject, randomBytes, X509Certificate, type webcrypto } from 'node:crypto'
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate as Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509'
import type { KeyPair } from '@stowage/mirror/server/tls/key-pair'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** The clock of an API server may be behind ours. */
const backdatedMs = 5 * 60_000

export interface Validity {
  /** Epoch milliseconds. */
  readonly now: number
  readonly forMs: number
}

/** Makes an authority that may sign certificates of servers and nothing below itself. */
export async function makeAuthority({ now, forMs }: Validity): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const serialNumber = newSerialNumber()
  const name = `CN=stowage-webhook-${serialNumber.slice(0, 8)}, O=stowage`
  const made = await X509CertificateGenerator.create({
    serialNumber,
    subject: name,
    issuer: name,
    notBefore: new Date(now - backdatedMs),
    notAfter: new Date(now + forMs),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey: keys.privateKey,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return pairOf(made, keys.privateKey)
}

/** Makes a certificate for a server of these names; it does not outlive its authority. */
export async function makeServing(
  authority: KeyPair,
  { now, forMs, names }: Validity & { readonly names: readonly string[] },
): Promise<KeyPair> {
  const keys = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const issuer = new Certificate(authority.certificate)
  const signingKey = createPrivateKey(authority.key).toCryptoKey(algorithm, false, ['sign'])
  const made = await X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: 'CN=stowage-webhook, O=stowage',
    issuer: issuer.subject,
    notBefore: new Date(now - backdatedMs),
    notAfter: new Date(Math.min(now + forMs, issuer.notAfter.getTime())),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
      await AuthorityKeyIdentifierExtension.create(issuer),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return pairOf(made, keys.privateKey)
}

function pairOf(made: Certificate, key: webcrypto.CryptoKey): KeyPair {
  return {
    certificate: new X509Certificate(Buffer.from(made.rawData)).toString(),
    key: KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** Positive, as RFC 5280 wants it. */
function newSerialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes.toString('hex')
}
