import type { KeyObject } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { connectionAddress, type AddressOf } from '../client-address.ts'
import { anybody, type Access, type Decision, type Identify, type Principal } from '../authorize.ts'
import type { AccessRules } from './access-rules.ts'
import { authorizeByRules } from './authorize-by-rules.ts'
import { createCredentials, type Accounts } from './credentials.ts'
import { createIdentify } from './identify.ts'
import { createPasswords } from './passwords.ts'
import { createRateLimit, type RateLimit } from './rate-limit.ts'
import { createSignedTokens } from './signed-tokens.ts'
import { tokenRoutes } from './token-routes.ts'
import type { ChallengeKind } from './www-authenticate.ts'

export interface AccessOptions {
  /** Rules and accounts that are in force now. */
  readonly rules: () => AccessRules
  readonly accounts: () => Accounts
  /** Whether there can be accounts at all. */
  readonly hasUsers: boolean
  readonly challenge: ChallengeKind
  /** For short-lived tokens; the same for all replicas of a registry. */
  readonly key: KeyObject
  readonly limit?: RateLimit | undefined
  /** By default where connections come from. */
  readonly addressOf?: AddressOf | undefined
}

/** What a registry needs to know who may do what; goes into the options of its routes as it is. */
export interface RegistryAccess {
  readonly authorize: (principal: Principal, access: Access) => Decision
  readonly identify: Identify
  readonly limit?: RateLimit | undefined
  readonly addressOf: AddressOf
  /** A fastify plugin: where tokens are given. */
  readonly routes: (app: FastifyInstance) => Promise<void>
}

/** So many wrong passwords may come from one client at once, and then one in two seconds. */
const guesses = { burst: 20, perSecond: 0.5 }

/** Access control of a registry. */
export function createAccess({
  rules,
  accounts,
  hasUsers,
  challenge,
  key,
  limit,
  addressOf = connectionAddress,
}: AccessOptions): RegistryAccess {
  const authorize = authorizeByRules({ rules, hasUsers })
  const signed = createSignedTokens({ key })
  const passwords = createPasswords({ hashes: () => accounts().hashes })
  const credentials = createCredentials({ accounts, passwords, signed, failures: createRateLimit(guesses), addressOf })
  return {
    authorize,
    // Nobody is asked for credentials that nobody can have.
    identify: hasUsers ? createIdentify({ credentials, authorize, challenge }) : anybody,
    limit,
    addressOf,
    routes: (app) => tokenRoutes(app, { credentials, authorize, signed, limit, addressOf }),
  }
}
