import { constants } from 'node:fs'
import { access, readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { Fault } from '@stowage/mirror/oci/fault'
import type { CredentialSource } from '@stowage/mirror/registry/credential'
import { createAskPlugin, type AskPluginOptions } from './ask-plugin.ts'
import { credentialsFromPlugins } from './credentials-from-plugins.ts'
import { parseProviderConfig, type CredentialProvider } from './provider-config.ts'

export interface CredentialProvidersOptions extends AskPluginOptions {
  /** A file, or a directory whose `.json`, `.yaml` and `.yml` files count in the order of their names. */
  readonly config: string
  readonly now?: () => number
}

const [configFlag, directoryFlag] = ['--image-credential-provider-config', '--image-credential-provider-bin-dir']

/**
 * Opens the kubelet's credential-provider plugins as a source of credentials. All is read once, as the kubelet does
 * (RegisterCredentialProviderPlugins in pkg/credentialprovider/plugin/plugin.go of Kubernetes).
 * @throws Fault invalid | not-found | denied, naming flag, file and field, also for a plugin that is not there
 */
export async function openCredentialProviders(options: CredentialProvidersOptions): Promise<CredentialSource> {
  const { config, directory, log, now = () => performance.now() } = options
  const providers: CredentialProvider[] = []
  for (const file of await filesOf(config)) {
    const origin = `${configFlag} ${file}`
    for (const provider of parseProviderConfig(await reading(origin, () => readFile(file, 'utf8')), origin)) {
      if (providers.some(({ name }) => name === provider.name)) {
        throw new Fault('invalid', `${origin}: providers: ${provider.name} is named twice`)
      }
      await checkPlugin(path.join(directory, provider.name), origin)
      providers.push(provider)
    }
  }
  for (const { name, matchImages } of providers) log.info({ provider: name, matchImages }, 'credential provider taken')
  return credentialsFromPlugins(providers, { ask: createAskPlugin(options), now })
}

async function filesOf(config: string): Promise<string[]> {
  const origin = `${configFlag} ${config}`
  if (!(await reading(origin, () => stat(config))).isDirectory()) return [config]
  const entries = await reading(origin, () => readdir(config, { withFileTypes: true }))
  const files = entries.filter((entry) => !entry.isDirectory() && /\.(?:json|ya?ml)$/.test(entry.name))
  if (files.length === 0) throw new Fault('invalid', `${origin}: there is no .json, .yaml or .yml file in it`)
  return files.map(({ name }) => path.join(config, name)).toSorted()
}

async function checkPlugin(file: string, origin: string): Promise<void> {
  const what = `${directoryFlag} ${file}, which ${origin} names`
  const isFile = (await reading(what, () => stat(file))).isFile()
  if (!isFile) throw new Fault('invalid', `${what}: it is not a file`)
  try {
    await access(file, constants.X_OK)
  } catch (cause) {
    throw new Fault('denied', `${what}: it is not executable`, { cause })
  }
}

async function reading<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error'
    if (code === 'ENOENT' || code === 'ENOTDIR')
      throw new Fault('not-found', `${what}: there is no such file`, { cause })
    if (code === 'EACCES') throw new Fault('denied', `${what}: no permission to read it`, { cause })
    throw new Fault('invalid', `${what}: it cannot be read (${code})`, { cause })
  }
}
