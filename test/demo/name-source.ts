import { imageNameOf } from '@stowage/mirror/edge/set'
import type { Platform } from '@stowage/mirror/oci/platform'
import { parseReference } from '@stowage/mirror/oci/reference'
import { createRegistryClient } from '@stowage/mirror/registry/registry-client'
import { createLogger } from 'stowage/logger'
import { readNetworkSettings } from 'stowage/network-settings'
import { machineCredentials } from 'stowage/open-registry'
import type { DemoSource, WishedImage } from './demo-source.ts'
import type { Stage } from './stage.ts'

export interface NameSourceOptions {
  readonly image: string
  readonly next: string
  readonly platform: Platform
}

/**
 * Asks the registries of two images what their names mean now: that must be on the nodes in the end.
 * @throws Fault not-found | denied | unavailable | invalid
 */
export async function nameSource(stage: Stage, { image, next, platform }: NameSourceOptions): Promise<DemoSource> {
  const v1 = await wishedImage(image, { platform, signal: stage.signal })
  const v2 = await wishedImage(next, { platform, signal: stage.signal })
  stage.screen.say(`${v1.expected.name} is ${v1.expected.root}`)
  stage.screen.say(`${v2.expected.name} is ${v2.expected.root}`)
  return { v1, v2, onLand: undefined }
}

interface Asking {
  readonly platform: Platform
  readonly signal: AbortSignal
}

async function wishedImage(text: string, { platform, signal }: Asking): Promise<WishedImage> {
  const reference = parseReference(text)
  const { registry, repository, tag, digest } = reference
  const { env } = process
  const settings = await readNetworkSettings({ env, version: 'demo' }, env['STOWAGE_CA_FILE'])
  const log = await createLogger({ level: 'silent', format: 'json', to: 'stderr' })
  const credentials = await machineCredentials({ env, signal }, { dockerConfig: env['STOWAGE_DOCKER_CONFIG'], log })
  const insecureRegistries = env['STOWAGE_INSECURE_REGISTRY']?.split(',').map((host) => host.trim()) ?? []
  await using client = createRegistryClient({ registry, credentials, insecureRegistries, ...settings })
  const root = await client.resolve(repository, digest ?? tag ?? 'latest', { signal })
  const { os, architecture } = platform
  return {
    reference: text,
    label: labelOf(repository, digest ?? tag ?? 'latest'),
    expected: { name: imageNameOf(reference), root: root.digest, os, architecture },
  }
}

/** The last part of the name and its version, for a narrow screen. */
function labelOf(repository: string, version: string): string {
  const isDigest = version.includes(':')
  return `${repository.split('/').at(-1)}${isDigest ? '@' : ':'}${isDigest ? version.slice(7, 19) : version}`
}
