import { once } from 'node:events'
import { healthRoutes, type HealthChecks } from '@stowage/mirror/server/health-routes'
import { isLoopback, type ListenAddress } from '@stowage/mirror/server/listen-address'
import { listen, type createMirrorServer } from '@stowage/mirror/server/mirror-server'
import type { Logger } from 'pino'

export interface ServeOptions extends Partial<HealthChecks> {
  readonly listen: ListenAddress
  /** What whoever reaches it may do, as it follows `may`; undefined if credentials are asked for. */
  readonly open?: string | undefined
  readonly log: Logger
  readonly signal: AbortSignal
}

/**
 * Serves until the signal, and says where, and to whom it is open. Whether it lives is answered at `/healthz`, and whether it
 * can be asked at `/readyz`.
 */
export async function serve(
  app: ReturnType<typeof createMirrorServer>,
  { listen: address, open, log, signal, live = [], ready = [] }: ServeOptions,
): Promise<void> {
  const ping = { name: 'ping', look: () => undefined }
  healthRoutes(app, { live: [ping, ...live], ready: [ping, ...ready] }, log)
  await using listening = await listen(app, address)
  log.info({ url: listening.url }, 'listening')
  if (open !== undefined && !isLoopback(address)) {
    log.warn({ url: listening.url }, `open: whoever reaches this address may ${open}`)
  }
  if (!signal.aborted) await once(signal, 'abort')
  log.info('stopping when what is under way has ended or was cut; a second signal (Ctrl-C) ends it at once')
}
