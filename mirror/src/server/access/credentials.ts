import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Principal } from '../authorize.ts'
import { clientAt, type AddressOf } from '../client-address.ts'
import type { PasswordHashes } from './htpasswd.ts'
import type { Passwords } from './passwords.ts'
import type { RateLimit } from './rate-limit.ts'
import { principalOf, type SignedTokens } from './signed-tokens.ts'
import type { StaticTokens } from './static-tokens.ts'

/** Who has credentials, and which. */
export interface Accounts {
  readonly hashes: PasswordHashes
  readonly tokens: StaticTokens
}

export interface CredentialsOptions {
  /** Those that are in force now. */
  readonly accounts: () => Accounts
  readonly passwords: Passwords
  readonly signed: SignedTokens
  /** How many wrong passwords may come from one client. */
  readonly failures: RateLimit
  readonly addressOf: AddressOf
}

/** Name and password as they were given. */
export interface Login {
  readonly name: string
  readonly password: string
}

export interface Credentials {
  /** Whose these are: `anonymous` if there are none, undefined if they are wrong. @throws Refusal TOOMANYREQUESTS */
  principal(request: IncomingMessage): Promise<Principal | undefined>
  /** The same for a name and a password, or a token in its place. */
  login(login: Login, request: IncomingMessage): Promise<Principal | undefined>
  /** Changes with the credentials of a user; undefined if there is no such user. */
  markOf(name: string | undefined): string | undefined
}

/** Reads credentials and tells whose they are. */
export function createCredentials({
  accounts,
  passwords,
  signed,
  failures,
  addressOf,
}: CredentialsOptions): Credentials {
  async function isRight({ name, password }: Login, request: IncomingMessage): Promise<boolean> {
    if (accounts().tokens.ownerOf(password) === name || passwords.isProven(name, password)) return true
    const client = clientAt(addressOf(request))
    // Many connections of one client begin with the same password at once.
    if (passwords.isAsked(name, password)) return await passwords.areRight(name, password, client)
    // Guessing is slow for whoever guesses, however many guesses come at once, and for nobody who knows.
    failures.take(client)
    let isWrong = false
    try {
      isWrong = !(await passwords.areRight(name, password, client))
      return !isWrong
    } finally {
      if (!isWrong) failures.giveBack(client)
    }
  }

  async function login(given: Login, request: IncomingMessage): Promise<Principal | undefined> {
    return (await isRight(given, request)) ? { kind: 'user', name: given.name } : undefined
  }

  function bearer(token: string): Principal | undefined {
    const name = accounts().tokens.ownerOf(token)
    if (name !== undefined) return { kind: 'user', name }
    const claims = signed.read(token)
    return claims && claims.mark === markOf(claims.name) ? principalOf(claims) : undefined
  }

  function markOf(name: string | undefined): string | undefined {
    if (name === undefined) return ''
    const { hashes, tokens } = accounts()
    const hash = hashes.get(name)
    if (hash === undefined && !tokens.names.has(name)) return undefined
    return createHash('sha256').update(`${hash}`).digest('base64url').slice(0, 12)
  }

  return {
    login,
    markOf,
    async principal(request) {
      const { authorization } = request.headers
      if (authorization === undefined) return { kind: 'anonymous' }
      const [, scheme = '', value = ''] = /^([!-~]+) +([!-~]+) *$/.exec(authorization) ?? []
      if (scheme.toLowerCase() === 'bearer') return bearer(value)
      const given = scheme.toLowerCase() === 'basic' ? parseBasic(value) : undefined
      if (!given) return undefined
      // Some clients without credentials send empty ones when they were asked for any.
      return given.name + given.password === '' ? { kind: 'anonymous' } : await login(given, request)
    },
  }
}

/** RFC 7617, 2: all behind the first colon is the password. */
function parseBasic(value: string): Login | undefined {
  const text = Buffer.from(value, 'base64').toString()
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) }
}
