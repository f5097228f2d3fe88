import { createHash } from 'node:crypto'
import { Fault } from '../../oci/fault.ts'

/** Tokens that do not end, and whose they are. */
export interface StaticTokens {
  readonly names: ReadonlySet<string>
  /** Whose token this is. How long that takes tells nothing of the tokens. */
  ownerOf(token: string): string | undefined
}

/** Bytes from a good source have more; a word that somebody thought of has not. */
const shortest = 24

/**
 * Reads `NAME:TOKEN` lines, comments behind `#`; a name may have several, while one is exchanged.
 * @throws Fault invalid, with the number of the line and nothing of what stands in it
 */
export function parseTokens(text: string): StaticTokens {
  const owners = new Map<string, string>()
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const [, name, token] = /^([^:]+):([!-~]+)$/.exec(line) ?? []
    if (name === undefined || token === undefined || token.length < shortest) {
      const what = `a token of at least ${shortest} characters without blanks; make one with: openssl rand -hex 32`
      throw new Fault('invalid', `line ${index + 1}: it is not NAME:TOKEN with ${what}`)
    }
    owners.set(hashOf(token), name)
  }
  return { names: new Set(owners.values()), ownerOf: (token) => owners.get(hashOf(token)) }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64')
}
