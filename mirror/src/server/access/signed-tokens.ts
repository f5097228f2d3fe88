import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { Grants, Principal } from '../authorize.ts'

/** What stands in a token: whoever holds it is this principal, and may do no more than it grants. */
export interface Claims {
  /** Undefined for the anonymous. */
  readonly name: string | undefined
  /** Changes with the credentials of the user: a token ends with the password it was given for. */
  readonly mark: string
  readonly grants: Grants
}

/** Makes and reads tokens that end soon. */
export interface SignedTokens {
  readonly lifetimeMs: number
  sign(claims: Claims): string
  /** Undefined if it is none of ours, was changed, or is over. */
  read(token: string): Claims | undefined
}

export interface SignedTokensOptions {
  /** The same for all replicas of a registry. */
  readonly key: KeyObject
  readonly lifetimeMs?: number
  /** Epoch milliseconds. */
  readonly now?: () => number
}

/** As it stands in a token. */
interface Written {
  readonly n?: string
  readonly m: string
  /** Epoch seconds. */
  readonly e: number
  readonly r: ReadonlyArray<readonly [string, ReadonlyArray<'pull' | 'push' | 'delete'>]>
  readonly l: boolean
}

const prefix = 'stowage1.'

/** Tokens are `stowage1.CLAIMS.HMAC`: nobody but us has to read them, and no algorithm can be chosen by who sends one. */
export function createSignedTokens({ key, lifetimeMs = 300_000, now = Date.now }: SignedTokensOptions): SignedTokens {
  const macOf = (claims: string): string =>
    createHmac('sha256', key)
      .update(prefix + claims)
      .digest('base64url')

  return {
    lifetimeMs,

    sign({ name, mark, grants }) {
      const written: Written = {
        ...(name === undefined ? {} : { n: name }),
        m: mark,
        e: Math.floor((now() + lifetimeMs) / 1000),
        r: [...grants.repositories].map(([repository, actions]) => [repository, [...actions]]),
        l: grants.list,
      }
      const claims = Buffer.from(JSON.stringify(written)).toString('base64url')
      return `${prefix}${claims}.${macOf(claims)}`
    },

    read(token) {
      const [version, claims = '', mac = '', ...more] = token.split('.')
      if (`${version}.` !== prefix || more.length > 0) return undefined
      const [given, right] = [Buffer.from(mac), Buffer.from(macOf(claims))]
      if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined
      const { n, m, e, r, l } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Written
      if (e * 1000 <= now()) return undefined
      const repositories = new Map(r.map(([repository, actions]) => [repository, new Set(actions)]))
      return { name: n, mark: m, grants: { repositories, list: l } }
    },
  }
}

/** What tokens without credentials, and with these, can do: told apart by who reads `Principal`. */
export function principalOf({ name, grants }: Claims): Principal {
  return name === undefined ? { kind: 'anonymous', grants } : { kind: 'user', name, grants }
}
