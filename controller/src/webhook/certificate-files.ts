import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Fault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'
import { whyNoPair, type KeyPair } from './key-pair.ts'

/** Where somebody else keeps a certificate and its key, in PEM. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

export interface FollowFilesOptions {
  readonly onPair: (pair: KeyPair) => void
  readonly log: Logger
  /** Between two looks. */
  readonly everyMs?: number
}

/**
 * Reads them.
 * @throws Fault invalid if they cannot be read or are none
 */
export async function readCertificateFiles(files: CertificateFiles): Promise<KeyPair> {
  const pair = { certificate: await readOne(files.certificate), key: await readOne(files.key) }
  const why = whyNoPair(pair)
  if (why !== undefined) throw new Fault('invalid', `${files.certificate} and ${files.key}: ${why}`)
  return pair
}

/**
 * Tells each new pair until `signal` aborts; what cannot be used is said once, and the pair before stays. They are looked at
 * again and again, because a mounted Secret changes by a link above them, which no watch of a file sees.
 */
export async function followCertificateFiles(
  files: CertificateFiles,
  { onPair, log, everyMs = 2000 }: FollowFilesOptions,
  signal: AbortSignal,
): Promise<void> {
  let [known, said]: (string | undefined)[] = []
  while (!signal.aborted) {
    try {
      const pair = await readCertificateFiles(files)
      const text = pair.certificate + pair.key
      if (text !== known) onPair(pair)
      if (text !== known) log.info({ file: files.certificate }, 'certificate read')
      ;[known, said] = [text, undefined]
    } catch (err) {
      if (!(err instanceof Fault)) throw err
      if (err.message !== said) log.warn({ err }, 'certificate not read; the one before stays')
      said = err.message
    }
    await delay(everyMs, undefined, { signal }).catch(() => undefined)
  }
}

async function readOne(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new Fault('invalid', `${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
}
