import type { Fault } from '../oci/fault.ts'

/** A user of a registry. Both texts are empty where only an identity token is known. */
export interface Credential {
  readonly username: string
  readonly password: string
  /** An OAuth2 refresh token instead of a password (`identitytoken` of Docker's configuration). */
  readonly identityToken?: string | undefined
  /** Where it was found, for messages: `Secret team/pull`, `/home/ops/.docker/config.json`. */
  readonly origin: string
}

/** A credential and the hosts and paths that it is for: a key of `auths`. */
export interface CredentialEntry {
  readonly key: string
  readonly credential: Credential
}

/** What a registry calls an image: a reference without its tag and digest. */
export interface ImageName {
  readonly registry: string
  readonly repository: string
}

export interface CredentialOptions {
  /** What a registry has just refused: then only what may be others than these is found. */
  readonly refused?: readonly Credential[] | undefined
}

/**
 * Finds the credentials to try for an image, best first; none means to try without. A fault stands for credentials that should be
 * there and could not be had: who is let in without them does not miss them, who is not hears of it.
 */
export type CredentialSource = (
  image: ImageName,
  options?: CredentialOptions,
) => Promise<readonly (Credential | Fault)[]>

/** Who a credential stands for, without its secret. */
export function describeCredential(credential: Credential | undefined): string {
  if (!credential) return 'a client without credentials'
  return `${credential.username || 'the identity token'} (from ${credential.origin})`
}
