import type { IncomingMessage } from 'node:http'
import type { Access, Caller, Decision, Identify, Principal } from '../authorize.ts'
import { Refusal } from '../refusal.ts'
import type { Credentials } from './credentials.ts'
import { scopeFor } from './scope.ts'
import { originOf, wwwAuthenticate, type ChallengeKind } from './www-authenticate.ts'

export interface IdentifyOptions {
  readonly credentials: Credentials
  readonly authorize: (principal: Principal, access: Access) => Decision
  readonly challenge: ChallengeKind
}

/** Nobody may do anything with a token that is not good, but is told where and for what to get a new one. */
const nothing: Principal = { kind: 'anonymous', grants: { repositories: new Map(), list: false } }

/** Finds out who asks by the `Authorization` header. */
export function createIdentify({ credentials, authorize, challenge: kind }: IdentifyOptions): Identify {
  return async (request): Promise<Caller> => {
    const challenge = (access?: Access, error?: 'invalid_token' | 'insufficient_scope'): string =>
      wwwAuthenticate({ kind, origin: originOf(request), scope: access && scopeFor(access), error })
    const principal = await credentials.principal(request)
    if (!principal && !isBearer(request)) {
      const headers = { 'www-authenticate': challenge() }
      throw new Refusal('UNAUTHORIZED', 'name or password is wrong', { headers })
    }
    if (!principal) return { principal: nothing, challenge: (access) => challenge(access, 'invalid_token') }
    if (principal.kind === 'anonymous') return { principal, challenge: (access) => challenge(access) }
    const { grants, ...user } = principal
    const isNarrowed = (access: Access): boolean => grants !== undefined && authorize(user, access).allowed
    return {
      principal,
      isNarrowed,
      challenge: (access) => (isNarrowed(access) ? challenge(access, 'insufficient_scope') : undefined),
    }
  }
}

function isBearer({ headers: { authorization = '' } }: IncomingMessage): boolean {
  return /^bearer /i.test(authorization)
}
