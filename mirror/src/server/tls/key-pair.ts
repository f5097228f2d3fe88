import { createPrivateKey, X509Certificate } from 'node:crypto'

/** A certificate and its private key, both in PEM. */
export interface KeyPair {
  readonly certificate: string
  readonly key: string
}

/**
 * What keeps a certificate and a key from being of use together; undefined if nothing does. Of a chain the first certificate is
 * looked at.
 */
export function whyNoPair({ certificate, key }: KeyPair): string | undefined {
  try {
    return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
      ? undefined
      : 'the key is not that of the certificate'
  } catch {
    // What OpenSSL says of bytes that are no PEM helps nobody, and might tell what is in a key.
    return 'certificate or key is not PEM'
  }
}

/** When a certificate begins to be valid, epoch milliseconds. */
export function beginOf(certificate: string): number {
  return new X509Certificate(certificate).validFromDate.getTime()
}

/** When a certificate ends, epoch milliseconds. */
export function endOf(certificate: string): number {
  return new X509Certificate(certificate).validToDate.getTime()
}

/** The certificates in a text, each in the one form that PEM has for it; what is none is left out. */
export function certificatesIn(text: string): string[] {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? []
  return blocks.flatMap((block) => {
    try {
      return new X509Certificate(block).toString()
    } catch {
      return []
    }
  })
}
