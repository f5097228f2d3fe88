import type { CredentialSource } from '@stowage/mirror/registry/credential'
import { credentialsFromDockerConfig } from '@stowage/mirror/registry/credential-source'
import { parseDockerConfig } from '@stowage/mirror/registry/docker-config'
import { createCredentialHelper } from '@stowage/mirror/registry/docker-credential-helper'
import { followFiles, readFiles } from '@stowage/mirror/server/follow-files'
import type { Logger } from 'pino'

/** The credentials of a Docker configuration as it stands now: passwords are exchanged while a mirror runs. */
export interface FollowedDockerConfig {
  readonly credentials: CredentialSource
  /** Tells of every change until the signal. What cannot be read is said, and what was there before stays in force. */
  follow(onChange: () => void, signal: AbortSignal): Promise<void>
}

/** @throws Fault invalid */
export async function openDockerConfig(path: string, log: Logger): Promise<FollowedDockerConfig> {
  const askHelper = createCredentialHelper()
  const source = {
    files: [path],
    parse: ([text = '']: readonly string[]) =>
      credentialsFromDockerConfig(parseDockerConfig(text, path), { askHelper, log }),
  }
  let inForce = await readFiles(source)

  return {
    credentials: (image, options) => inForce(image, options),
    async follow(onChange, signal) {
      const onValue = (credentials: CredentialSource): void => {
        inForce = credentials
        onChange()
      }
      await followFiles({ ...source, onValue, what: 'credentials of an upstream', log }, signal)
    },
  }
}
