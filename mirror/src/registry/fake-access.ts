import { randomBytes } from 'node:crypto'

/** What a fake registry wants to see before it gives anything. */
export type FakeAccess =
  | { readonly kind: 'open' }
  | { readonly kind: 'basic'; readonly users: FakeUsers }
  | {
      readonly kind: 'token'
      readonly users?: FakeUsers
      readonly identityTokens?: readonly string[]
      /** Whether somebody without credentials gets a token. */
      readonly anonymous?: boolean
      readonly expiresInSeconds?: number
      /** Where tokens are given; `/token` if nothing is said. */
      readonly tokenPath?: string
      readonly service?: string
    }

/** Name to password. */
export type FakeUsers = Readonly<Record<string, string>>

/** A request for a token as it came in. */
export interface TokenPlea {
  readonly method: string
  readonly authorization: string | undefined
  readonly body: string
}

/** The doorkeeper of a fake registry. */
export interface FakeDoor {
  /** The challenge for a request that is not let in. */
  refusal(authorization: string | undefined, repository: string): string | undefined
  /** What the token server says; undefined if it refuses. */
  tokenFor(plea: TokenPlea): Record<string, unknown> | undefined
  /** Tokens that were given are worth nothing from now on. */
  expireTokens(): void
}

export function createFakeDoor(access: FakeAccess, origin: () => string): FakeDoor {
  const tokens = new Set<string>()

  function isKnown({ method, authorization, body }: TokenPlea): boolean {
    if (access.kind !== 'token') return false
    const identityToken = new URLSearchParams(body).get('refresh_token') ?? ''
    if (method === 'POST') return access.identityTokens?.includes(identityToken) ?? false
    return authorization === undefined ? (access.anonymous ?? false) : isUser(authorization, access.users ?? {})
  }

  return {
    refusal(authorization, repository) {
      if (access.kind === 'open') return undefined
      if (access.kind === 'basic') return isUser(authorization, access.users) ? undefined : 'Basic realm="fake"'
      if (tokens.has(authorization?.replace('Bearer ', '') ?? '')) return undefined
      const { tokenPath = '/token', service = 'fake' } = access
      return `Bearer realm="${origin()}${tokenPath}",service="${service}",scope="repository:${repository}:pull"`
    },
    tokenFor(plea) {
      if (access.kind !== 'token' || !isKnown(plea)) return undefined
      const token = randomBytes(12).toString('hex')
      tokens.add(token)
      return { [plea.method === 'POST' ? 'access_token' : 'token']: token, expires_in: access.expiresInSeconds ?? 300 }
    },
    expireTokens: () => tokens.clear(),
  }
}

function isUser(authorization: string | undefined, users: FakeUsers): boolean {
  const decoded = Buffer.from(authorization?.replace('Basic ', '') ?? '', 'base64').toString()
  return Object.entries(users).some(([name, password]) => decoded === `${name}:${password}`)
}
