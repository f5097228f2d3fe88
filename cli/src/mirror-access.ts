import type { RemoteConnectionOptions } from '@stowage/mirror/store/remote/remote-connection'
import type { Logger } from 'pino'
import type { CommandContext } from './command-context.ts'
import { readNetworkSettings } from './network-settings.ts'
import { openTokenFile } from './token-file.ts'

export interface MirrorAccessFlags {
  readonly url: URL
  readonly tokenFile: string
  readonly caFile?: string | undefined
}

/**
 * How the store of a mirror that runs is reached: with the token that the file has at the moment.
 * @throws Fault as reading the files does
 */
export async function openMirrorAccess(
  context: Pick<CommandContext, 'env' | 'version'>,
  { url, tokenFile, caFile }: MirrorAccessFlags,
  log: Logger,
): Promise<Pick<RemoteConnectionOptions, 'url' | 'token' | 'ca' | 'userAgent'>> {
  const { ca, userAgent } = await readNetworkSettings(context, caFile)
  const file = await openTokenFile({ flag: '--mirror-token-file', path: tokenFile, log })
  return { url, token: async () => (await file.tokens())[0] ?? '', ca, userAgent }
}
