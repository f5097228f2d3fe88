import { homedir } from 'node:os'
import { join } from 'node:path'
import { openCredentialProviders } from '@stowage/controller/credential-providers/open-credential-providers'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { CredentialEntry, CredentialSource } from '@stowage/mirror/registry/credential'
import {
  credentialsFromAll,
  credentialsFromDockerConfig,
  credentialsFromEntries,
} from '@stowage/mirror/registry/credential-source'
import { createCredentialHelper } from '@stowage/mirror/registry/docker-credential-helper'
import { parseDockerConfig } from '@stowage/mirror/registry/docker-config'
import { createRegistryClient, type RegistryClient } from '@stowage/mirror/registry/registry-client'
import type { Logger } from 'pino'
import type { CommandContext } from './command-context.ts'
import { readNamedFile, type NetworkSettings } from './network-settings.ts'

export interface UpstreamSettings extends NetworkSettings {
  readonly insecureRegistries: readonly string[]
  /** Of this machine; pull secrets come before them. */
  readonly credentials: CredentialSource
}

/** Opens the client of an upstream registry with an image's pull secrets and this machine's own credentials. */
export function openRegistry(
  registry: string,
  pullSecrets: readonly CredentialEntry[],
  { credentials, ...settings }: UpstreamSettings & { readonly log: Logger },
): RegistryClient {
  return createRegistryClient({
    ...settings,
    registry,
    credentials: credentialsFromAll([credentialsFromEntries(pullSecrets), credentials]),
  })
}

export interface MachineCredentialFlags {
  readonly dockerConfig?: string | undefined
  readonly imageCredentialProviderConfig?: string | undefined
  readonly imageCredentialProviderBinDir?: string | undefined
}

/**
 * The credentials of this machine, in the order in which the kubelet tries them after pull secrets (EnsureImageExists in
 * pkg/kubelet/images/image_manager.go of Kubernetes): those of its Docker configuration, then those of plugins.
 * @throws Fault invalid | denied | not-found
 */
export async function machineCredentials(
  context: Pick<CommandContext, 'env' | 'signal'>,
  { log, ...flags }: MachineCredentialFlags & { readonly log: Logger },
): Promise<CredentialSource> {
  const { imageCredentialProviderConfig: config, imageCredentialProviderBinDir: directory } = flags
  const docker = await dockerCredentials(context, { dockerConfig: flags.dockerConfig, log })
  if (config === undefined && directory === undefined) return docker
  if (config === undefined || directory === undefined) {
    throw new Fault(
      'invalid',
      '--image-credential-provider-config and --image-credential-provider-bin-dir need each other',
    )
  }
  return credentialsFromAll([docker, await openCredentialProviders({ ...context, config, directory, log })])
}

/** That of `--docker-config`, else of `DOCKER_CONFIG` or the home directory where there is one. */
async function dockerCredentials(
  { env }: Pick<CommandContext, 'env'>,
  { dockerConfig, log }: { readonly dockerConfig: string | undefined; readonly log: Logger },
): Promise<CredentialSource> {
  const directory = env['DOCKER_CONFIG'] || join(homedir(), '.docker')
  const path = dockerConfig ?? join(directory, 'config.json')
  try {
    const config = parseDockerConfig(await readNamedFile('--docker-config', path), path)
    return credentialsFromDockerConfig(config, { askHelper: createCredentialHelper(), log })
  } catch (error) {
    if (dockerConfig === undefined && isFault(error, 'not-found')) return () => Promise.resolve([])
    throw error
  }
}
