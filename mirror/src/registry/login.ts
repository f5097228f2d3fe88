import { Fault } from '../oci/fault.ts'
import { parseChallenges, type Challenge } from './challenge.ts'
import type { Credential } from './credential.ts'
import { isLoopbackHost } from './endpoint.ts'
import { basicAuthorization } from './token.ts'
import type { TokenCache } from './token-cache.ts'
import type { Answer } from './transport.ts'

/** Turns what a registry asked for, and who asks, into the value of `Authorization`. */
export interface Login {
  /**
   * The value to send; undefined if this credential cannot answer this challenge.
   * @throws Fault denied | unavailable
   */
  authorization(
    challenge: Challenge,
    credential: Credential | undefined,
    options: LoginOptions,
  ): Promise<string | undefined>
  /** Says that a value was refused: it is not used again. */
  refused(authorization: string): void
}

export interface LoginOptions {
  readonly repository: string
  /** Asks for the right to push where the challenge asks for less: a registry may refuse what a token does not say with 403. */
  readonly isPush?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** Makes the login to the registry at `endpoint`. */
export function createLogin({ endpoint, tokens }: { endpoint: URL; tokens: TokenCache }): Login {
  return {
    async authorization(challenge, credential, { repository, isPush = false, signal }) {
      if (challenge.scheme === 'basic') return credential?.password ? basicAuthorization(credential) : undefined
      const realm = realmOf(challenge)
      if (!realm) return undefined
      if (credential && !isSafeRealm(realm, endpoint)) {
        throw new Fault('denied', `${endpoint.host} wants the credential sent in plain HTTP to ${realm.host}`)
      }
      const service = challenge.parameters.get('service')
      const asked = challenge.parameters.get('scope') ?? `repository:${repository}:pull`
      const scope = isPush ? withPush(asked, repository) : asked
      return `Bearer ${await tokens.get({ realm, service, scope, credential }, signal)}`
    },
    refused: (authorization) => tokens.forget(authorization.replace(/^Bearer /, '')),
  }
}

/** The same scope (distribution, spec/auth/scope.md) with the right to push to this repository. */
function withPush(scope: string, repository: string): string {
  const pull = `repository:${repository}:pull`
  return scope
    .split(' ')
    .map((one) => (one === pull ? `${pull},push` : one))
    .join(' ')
}

/** The challenge of an answer that we can meet; tokens before passwords. */
export function chooseChallenge({ headers }: Pick<Answer, 'headers'>): Challenge | undefined {
  const challenges = parseChallenges(headers['www-authenticate'])
  const bearer = challenges.find((challenge) => challenge.scheme === 'bearer' && realmOf(challenge))
  return bearer ?? challenges.find(({ scheme }) => scheme === 'basic')
}

function realmOf({ parameters }: Challenge): URL | undefined {
  const realm = URL.parse(parameters.get('realm') ?? '')
  return realm && /^https?:$/.test(realm.protocol) ? realm : undefined
}

/**
 * Whether a realm may be told a credential: never over plain HTTP if the registry itself is spoken to over TLS.
 * Realms on other hosts are normal (auth.docker.io).
 */
function isSafeRealm(realm: URL, endpoint: URL): boolean {
  return realm.protocol === 'https:' || endpoint.protocol === 'http:' || isLoopbackHost(realm.hostname)
}
