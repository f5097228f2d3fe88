import type { Digest } from '../oci/digest.ts'

/** Who asks. */
export interface Principal {
  readonly kind: 'anonymous'
}

/**
 * What is asked for: `connect` is the probe of `/v2/`, `list` the catalog. A digest is given wherever it is known by then,
 * also for a tag that was looked up; nothing is answered before the decision.
 */
export type Access =
  | { readonly action: 'connect' | 'list' }
  | {
      readonly action: 'pull' | 'push' | 'delete'
      readonly repository: string
      readonly digest?: Digest | undefined
    }

/** `challenge` (a `WWW-Authenticate` value) invites to come again with credentials: 401; without it the answer is 403. */
export type Decision = { readonly allowed: true } | { readonly allowed: false; readonly challenge?: string | undefined }

/** The one function that every action of the registry asks. */
export type Authorize = (principal: Principal, access: Access) => Decision | Promise<Decision>

/** The registry is open: everybody may do everything. */
export const allowAll: Authorize = () => ({ allowed: true })
