import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { Credential, CredentialEntry, CredentialSource, ImageName } from '@stowage/mirror/registry/credential'
import { matchCredentials } from '@stowage/mirror/registry/match-credentials'
import { credentialProviderFailed } from '../plan/credential-provider-failed.ts'
import { matchesImage } from './match-image.ts'
import { createPluginCredentials, type PluginCredentials, type PluginCredentialsOptions } from './plugin-credentials.ts'
import type { CredentialProvider } from './provider-config.ts'

interface Plugin extends PluginCredentials, CredentialProvider {}

/**
 * The credentials of all plugins that are for an image, put together as the kubelet does (externalCredentialProviderKeyring in
 * pkg/credentialprovider/plugin/plugins.go of Kubernetes): the most specific key first, and of one key that of the plugin that
 * is named first. A plugin that fails keeps nobody from using what others give.
 */
export function credentialsFromPlugins(
  providers: readonly CredentialProvider[],
  options: PluginCredentialsOptions,
): CredentialSource {
  const plugins = providers.map((provider): Plugin => ({ ...provider, ...createPluginCredentials(provider, options) }))

  return async (image, { refused } = {}) => {
    const name = nameOf(image)
    const own = plugins.filter(({ matchImages }) => matchImages.some((pattern) => matchesImage(pattern, name)))
    const found = await Promise.all(own.map((plugin) => entriesOrFault(plugin, name, refused)))
    const entries = found.flatMap((each) => (isFault(each) ? [] : each))
    const fresh = matchCredentials(entries, image).filter((credential) => !isRefused(credential, refused))
    return [...fresh, ...found.filter((each) => isFault(each))]
  }
}

async function entriesOrFault(
  plugin: Plugin,
  image: string,
  refused: readonly Credential[] | undefined,
): Promise<readonly CredentialEntry[] | Fault> {
  try {
    return await (refused ? plugin.renewed(image, refused) : plugin.entriesFor(image))
  } catch (cause) {
    if (!isFault(cause)) throw cause
    const what = `credential provider ${plugin.name}, asked for ${image}, ${cause.message}`
    return new Fault(cause.code, `${credentialProviderFailed}: ${what}`, { cause })
  }
}

/** One that is the same as before has expired where it came from, too. */
function isRefused({ username, password }: Credential, refused: readonly Credential[] = []): boolean {
  return refused.some((other) => other.username === username && other.password === password)
}

function nameOf({ registry, repository }: ImageName): string {
  return `${registry}/${repository}`
}
