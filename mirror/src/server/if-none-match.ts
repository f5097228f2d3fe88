import type { Descriptor } from '../oci/descriptor.ts'
import type { Answer } from './answer.ts'
import type { Exchange } from './exchange.ts'

/** Whether the client has this content (RFC 9110, 13.1.2). */
export function isKnown({ request }: Pick<Exchange, 'request'>, { digest }: Descriptor): boolean {
  const known = request.headers['if-none-match']
  if (known === undefined) return false
  return known.split(',').some((tag) => [`"${digest}"`, '*'].includes(tag.trim().replace(/^W\//, '')))
}

/** The answer to a client that has it. */
export function unchanged({ digest }: Descriptor): Answer {
  return { status: 304, headers: { etag: `"${digest}"`, 'docker-content-digest': digest } }
}
