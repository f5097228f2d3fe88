import path from 'node:path'
import { Fault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'
import { parseAnswer, type PluginAnswer } from './plugin-answer.ts'
import type { CredentialProvider } from './provider-config.ts'
import { runPlugin } from './run-plugin.ts'
import { withoutSecrets } from './without-secrets.ts'

export interface AskPluginOptions {
  /** Where the plugins lie. */
  readonly directory: string
  /** Our own environment: plugins find the identity that a cloud gives to a pod there. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: Logger
  /** Stops plugins that run. */
  readonly signal: AbortSignal
  readonly timeoutMs?: number | undefined
}

/**
 * Asks a plugin for the credentials of an image (`HOST[:PORT]/PATH`, no tag).
 * @throws Fault unavailable that says what the plugin did, as the rest of a sentence
 */
export type AskPlugin = (provider: CredentialProvider, image: string) => Promise<PluginAnswer>

/**
 * Makes a caller of plugins, as the kubelet calls them (execPlugin in pkg/credentialprovider/plugin/plugin.go of Kubernetes): the
 * request on standard input, the answer on standard output, all of our environment with that of the configuration over it, and
 * a minute of time. What a plugin says on standard error goes into the log, as far as it holds no secret.
 */
export function createAskPlugin({ directory, env, log, signal, timeoutMs = 60_000 }: AskPluginOptions): AskPlugin {
  return async (provider, image) => {
    const { name, apiVersion, args } = provider
    const startedAt = performance.now()
    const { stdout, stderr, trouble } = await runPlugin(path.join(directory, name), {
      args,
      env: { ...env, ...provider.env },
      input: JSON.stringify({ kind: 'CredentialProviderRequest', apiVersion, image }),
      timeoutMs,
      signal,
    })
    const durationMs = Math.round(performance.now() - startedAt)
    const said = withoutSecrets(stderr.trim(), Object.values(provider.env))
    const facts = { provider: name, image, durationMs, ...(said && { stderr: said }) }
    try {
      if (trouble !== undefined) throw new Fault('unavailable', trouble)
      const answer = parseAnswer(stdout, apiVersion)
      log.debug(facts, 'credential provider answered')
      return answer
    } catch (err) {
      log.warn({ ...facts, err }, 'credential provider failed')
      throw err
    }
  }
}
