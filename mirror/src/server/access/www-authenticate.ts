import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { formatListenAddress } from '../listen-address.ts'

/** How clients are asked for credentials: for a token of the token endpoint, or for name and password with each request. */
export type ChallengeKind = 'bearer' | 'basic'

/** Where tokens are given, below the origin. */
export const tokenPath = '/auth/token'

export interface ChallengeOptions {
  readonly kind: ChallengeKind
  /** As clients reach the registry, such as `https://registry.example.com`. */
  readonly origin: string
  readonly scope?: string | undefined
  readonly error?: 'invalid_token' | 'insufficient_scope' | undefined
}

/** A `WWW-Authenticate` value (RFC 6750, 3; RFC 7617, 2; distribution, "Token Authentication Specification"). */
export function wwwAuthenticate({ kind, origin, scope, error }: ChallengeOptions): string {
  if (kind === 'basic') return 'Basic realm="stowage", charset="UTF-8"'
  const parameters = { realm: origin + tokenPath, service: origin.replace(/^https?:\/\//, ''), scope, error }
  const written = Object.entries(parameters).filter(([, value]) => value !== undefined)
  return `Bearer ${written.map(([name, value]) => `${name}="${value}"`).join(',')}`
}

/**
 * The origin by which a client reached us, or a proxy in front of us. Somebody who makes it up is the only one who is told it
 * again.
 */
export function originOf({ headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>): string {
  const forwarded = headers['x-forwarded-proto']
  const isTls = forwarded === 'https' || (forwarded !== 'http' && (socket as Partial<TLSSocket>).encrypted === true)
  const { host = '' } = headers
  const isHost = /^(?:[a-zA-Z0-9.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/.test(host)
  const own = formatListenAddress({ host: socket.localAddress ?? 'localhost', port: socket.localPort ?? 80 })
  return `${isTls ? 'https' : 'http'}://${isHost ? host : own}`
}
