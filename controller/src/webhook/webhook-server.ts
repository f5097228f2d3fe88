import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { ListenAddress } from '@stowage/mirror/server/listen-address'
import { listen, useCertificate } from '@stowage/mirror/server/mirror-server'
import type { KeyPair } from '@stowage/mirror/server/tls/key-pair'
import { secureContextOf } from '@stowage/mirror/server/tls/secure-context'
import { fastify } from 'fastify'
import type { Logger } from 'pino'
import type { JudgeOptions } from './judge-image-cache.ts'
import { webhookRoutes } from './webhook-routes.ts'

export interface WebhookServerOptions extends JudgeOptions {
  readonly listen: ListenAddress
  /**
   * How long it goes on serving after it was told to stop, in milliseconds: API servers hear a moment later than a pod that it
   * is going.
   */
  readonly lingerMs: number
  readonly log: Logger
}

/** The admission server over TLS. */
export interface WebhookServer {
  /** From now on connections begin with this certificate; those that are open stay. */
  use(pair: KeyPair): void
  /** Listens as soon as there is a certificate, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>
}

export function createWebhookServer({ strict, lingerMs, log, ...options }: WebhookServerOptions): WebhookServer {
  const first = Promise.withResolvers<void>()
  let current: KeyPair | undefined
  let change: ((pair: KeyPair) => void) | undefined

  return {
    use(pair) {
      current = pair
      change?.(pair)
      first.resolve()
    },

    async run(signal) {
      await Promise.race([first.promise, signal.aborted ? undefined : once(signal, 'abort')])
      if (!current || signal.aborted) return
      // API servers keep idle connections for 90 s; whoever closes them first must not be us.
      const app = fastify({ https: secureContextOf(current), keepAliveTimeout: 120_000, requestTimeout: 30_000 })
      await app.register(webhookRoutes, { strict, log })
      change = (pair) => useCertificate(app, pair)
      await using listening = await listen(app, options.listen)
      log.info({ url: listening.url, strict }, 'listening')
      if (!signal.aborted) await once(signal, 'abort')
      log.info('stopping')
      await delay(lingerMs)
    },
  }
}
