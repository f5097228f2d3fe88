import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'
import { readNamedFile } from './network-settings.ts'

/** A secret that two processes share in a file, as it stands there now. */
export interface TokenFile {
  /** One or, while it is exchanged, several: the first one is shown, all are taken. */
  tokens(): Promise<readonly string[]>
}

export interface TokenFileOptions {
  /** The flag that names it, for messages. */
  readonly flag: string
  readonly path: string
  readonly log: Logger
  /** Milliseconds, from any beginning, never going back. */
  readonly monotonicNow?: () => number
}

/** A change is seen within this time, in milliseconds. */
const freshMs = 1000
/** Bytes from a good source have more; a word that somebody thought of has not. */
const shortestToken = 24

/**
 * Opens a file with one token a line, which is read again when it may have changed: Kubernetes writes a mounted Secret anew.
 * @throws Fault not-found | denied | invalid
 */
export async function openTokenFile(options: TokenFileOptions): Promise<TokenFile> {
  const { flag, path, log, monotonicNow = () => performance.now() } = options
  let known = await readTokens(flag, path)
  let readAt = monotonicNow()
  let trouble: string | undefined

  async function look(): Promise<void> {
    readAt = monotonicNow()
    try {
      known = await readTokens(flag, path)
      trouble = undefined
    } catch (err) {
      if (!isFault(err)) throw err
      if (trouble !== err.message) log.warn({ err }, 'the tokens from before stay in force')
      trouble = err.message
    }
  }

  return {
    async tokens() {
      if (monotonicNow() - readAt >= freshMs) await look()
      return known
    },
  }
}

async function readTokens(flag: string, path: string): Promise<readonly string[]> {
  const lines = (await readNamedFile(flag, path)).split('\n').map((line) => line.trim())
  const tokens = lines.filter(Boolean)
  const isGood = tokens.length > 0 && tokens.every((token) => token.length >= shortestToken && /^[!-~]+$/.test(token))
  if (isGood) return tokens
  throw new Fault(
    'invalid',
    `${flag} ${path}: each line must be a token of at least ${shortestToken} characters without blanks; make one with: openssl rand -hex 32`,
  )
}
