import type { Logger } from 'pino'
import type { CredentialEntry, CredentialSource, ImageName } from './credential.ts'
import type { AskCredentialHelper } from './docker-credential-helper.ts'
import type { DockerConfig } from './docker-config.ts'
import { canonicalHost, matchCredentials } from './match-credentials.ts'

/** The name under which Docker keeps the credential of Docker Hub. */
const dockerHubServer = 'https://index.docker.io/v1/'

/** The credentials of pull secrets, matched as the kubelet does. */
export function credentialsFromEntries(entries: readonly CredentialEntry[]): CredentialSource {
  return async (image, { refused } = {}) => (refused ? [] : matchCredentials(entries, image))
}

export interface DockerConfigOptions {
  readonly askHelper: AskCredentialHelper
  readonly log?: Logger | undefined
}

/**
 * The credentials of a Docker configuration: the helper of the host, else the general store, then `auths`.
 * A helper that is named for the host and fails is a fault; a general store that fails is passed over with a warning,
 * because a configuration brought from a desktop often names one that is not here.
 */
export function credentialsFromDockerConfig(
  config: DockerConfig,
  { askHelper, log }: DockerConfigOptions,
): CredentialSource {
  const helpers = new Map(Object.entries(config.credHelpers).map(([host, helper]) => [canonicalHost(host), helper]))

  async function fromStore(image: ImageName) {
    const server = serverOf(image)
    const helper = helpers.get(canonicalHost(image.registry))
    if (helper !== undefined) return await askHelper(helper, server)
    try {
      return config.credsStore === undefined ? undefined : await askHelper(config.credsStore, server)
    } catch (err) {
      log?.warn({ err, origin: config.origin, registry: image.registry }, 'credential store passed over')
      return undefined
    }
  }

  return async (image, { refused } = {}) => {
    // All of it was asked for a moment ago.
    if (refused) return []
    const stored = await fromStore(image)
    return [...(stored ? [stored] : []), ...matchCredentials(config.entries, image)]
  }
}

/** All credentials of several sources, those of the first one first. */
export function credentialsFromAll(sources: readonly CredentialSource[]): CredentialSource {
  return async (image, options) => (await Promise.all(sources.map((source) => source(image, options)))).flat()
}

function serverOf({ registry }: ImageName): string {
  return canonicalHost(registry) === 'docker.io' ? dockerHubServer : registry
}
