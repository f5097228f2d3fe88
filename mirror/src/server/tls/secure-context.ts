import type { KeyPair } from './key-pair.ts'

/** How a server is to do TLS with a certificate. */
export interface SecureContext {
  readonly cert: string
  readonly key: string
  readonly minVersion: 'TLSv1.2'
}

export function secureContextOf({ certificate, key }: KeyPair): SecureContext {
  return { cert: certificate, key, minVersion: 'TLSv1.2' }
}
