import type { IncomingMessage } from 'node:http'
import type { Digest } from '../oci/digest.ts'

/** Who asks. */
export type Principal =
  | { readonly kind: 'anonymous'; readonly grants?: Grants | undefined }
  | { readonly kind: 'user'; readonly name: string; readonly grants?: Grants | undefined }

/** What the token that was shown is good for: its bearer may do nothing else. Without it the principal may do all that the rules allow. */
export interface Grants {
  /** Repository to actions. */
  readonly repositories: ReadonlyMap<string, ReadonlySet<ContentAction>>
  /** Whether repositories may be listed. */
  readonly list: boolean
}

/** What can be done with content. */
export type ContentAction = 'pull' | 'push' | 'delete'

/**
 * What is asked for: `connect` is the probe of `/v2/`; `list` the catalog or, with a repository, its name in there. A digest is
 * given wherever it is known by then, also for a tag that was looked up; nothing is answered before the decision.
 */
export type Access =
  | { readonly action: 'connect' }
  | {
      readonly action: 'list'
      readonly repository?: string | undefined
      /** As below. */
      readonly isPrivate?: boolean | undefined
    }
  | {
      readonly action: ContentAction
      readonly repository: string
      readonly digest?: Digest | undefined
      /** Of a push that mounts: where from, which is to be pulled from. */
      readonly from?: string | undefined
      /** It was fetched with a credential of ours: where there is access control, never for the anonymous. */
      readonly isPrivate?: boolean | undefined
    }

export interface Decision {
  readonly allowed: boolean
}

/** The one function that every action of the registry asks. */
export type Authorize = (principal: Principal, access: Access) => Decision | Promise<Decision>

/** The registry is open: everybody may do everything. */
export const allowAll: Authorize = () => ({ allowed: true })

/** Who sent a request. */
export interface Caller {
  readonly principal: Principal
  /** What to invite with to come again with (other) credentials, a `WWW-Authenticate` value: 401. Without it the answer is 403. */
  readonly challenge?: ((access: Access) => string | undefined) | undefined
  /** Whether not the rules forbid it, but the token that was shown: it was made for less. */
  readonly isNarrowed?: ((access: Access) => boolean) | undefined
}

/**
 * Finds out who sent a request.
 * @throws Refusal UNAUTHORIZED if it carries credentials that are wrong
 */
export type Identify = (request: IncomingMessage) => Caller | Promise<Caller>

/** Nobody is asked for credentials, and none that come are looked at. */
export const anybody: Identify = () => ({ principal: { kind: 'anonymous' } })
