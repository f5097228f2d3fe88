import type { ContentSource } from '@stowage/mirror/content'
import type { CredentialEntry } from '@stowage/mirror/registry/credential'

/**
 * Gives the registry to read from, with these pull secrets; credentials of the machine (a docker configuration) are its own
 * business. Called for every look-up: it should give the same client for the same arguments.
 */
export type UpstreamFor = (registry: string, credentials: readonly CredentialEntry[]) => ContentSource
