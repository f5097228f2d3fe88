import type { Platform } from '@stowage/mirror/oci/platform'

/** What an agent on this machine takes of an image. */
export const machinePlatform: Platform = {
  os: 'linux',
  architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
}

/** Another one, which no agent on this machine wants. */
export const otherPlatform: Platform = {
  os: 'linux',
  architecture: machinePlatform.architecture === 'arm64' ? 'amd64' : 'arm64',
}
