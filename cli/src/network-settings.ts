import { readFile } from 'node:fs/promises'
import { Fault } from '@stowage/mirror/oci/fault'
import type { ProxySettings } from '@stowage/mirror/registry/proxy'
import type { CommandContext } from './command-context.ts'
import { option } from './option.ts'

/** How the outside is reached: the same for registries and for the centre. */
export interface NetworkSettings {
  readonly ca: string | undefined
  readonly proxy: ProxySettings
  readonly userAgent: string
}

/** `--ca-file`, for all that connect to something. */
export function caFileOption(): ReturnType<typeof option> {
  return option('--ca-file <file>', 'certificates in PEM that are trusted besides those of the system')
}

/**
 * Reads what `--ca-file` names, or whatever else does, and the proxy variables in both spellings.
 * @throws Fault not-found | denied if the file cannot be read
 */
export async function readNetworkSettings(
  { env, version }: Pick<CommandContext, 'env' | 'version'>,
  caFile: string | undefined,
  flag = '--ca-file',
): Promise<NetworkSettings> {
  const variable = (name: string): string | undefined => env[name] || env[name.toLowerCase()]
  return {
    ca: caFile === undefined ? undefined : await readNamedFile(flag, caFile),
    proxy: { httpProxy: variable('HTTP_PROXY'), httpsProxy: variable('HTTPS_PROXY'), noProxy: variable('NO_PROXY') },
    userAgent: `stowage/${version}`,
  }
}

/**
 * Reads a file that a flag names.
 * @throws Fault not-found | denied | invalid, naming the flag
 */
export async function readNamedFile(flag: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'ENOENT') throw new Fault('not-found', `${flag} ${path}: there is no such file`, { cause })
    if (code === 'EACCES') throw new Fault('denied', `${flag} ${path}: no permission to read it`, { cause })
    throw new Fault('invalid', `${flag} ${path}: it cannot be read (${code ?? 'unknown error'})`, { cause })
  }
}
