import { createHash, timingSafeEqual } from 'node:crypto'

/**
 * Whether an `Authorization` header carries one of the tokens (RFC 6750, 2.1). How long it takes tells nothing of them but
 * how many there are.
 */
export function carriesToken(header: string | undefined, tokens: readonly string[]): boolean {
  const [, given] = /^Bearer ([!-~]+)$/i.exec(header ?? '') ?? []
  if (given === undefined) return false
  const hash = hashOf(given)
  return tokens.map((token) => timingSafeEqual(hash, hashOf(token))).includes(true)
}

function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
