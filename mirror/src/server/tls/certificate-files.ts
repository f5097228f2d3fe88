import type { Logger } from 'pino'
import { Fault } from '../../oci/fault.ts'
import { followFiles, readFiles } from '../follow-files.ts'
import { whyNoPair, type KeyPair } from './key-pair.ts'

/** Where somebody else keeps a certificate and its key, in PEM. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

export interface FollowCertificateOptions {
  readonly onPair: (pair: KeyPair) => void
  readonly log: Logger
  /** Between two looks. */
  readonly everyMs?: number
}

/**
 * Reads them.
 * @throws Fault invalid if they cannot be read or are none
 */
export function readCertificateFiles({ certificate, key }: CertificateFiles): Promise<KeyPair> {
  return readFiles({ files: [certificate, key], parse })
}

/** Tells each new pair until `signal` aborts; what cannot be used is said once, and the pair before stays. */
export function followCertificateFiles(
  { certificate, key }: CertificateFiles,
  { onPair, ...options }: FollowCertificateOptions,
  signal: AbortSignal,
): Promise<void> {
  return followFiles({ ...options, files: [certificate, key], parse, onValue: onPair, what: 'certificate' }, signal)
}

function parse([certificate = '', key = '']: readonly string[]): KeyPair {
  const pair = { certificate, key }
  const why = whyNoPair(pair)
  if (why !== undefined) throw new Fault('invalid', why)
  return pair
}
