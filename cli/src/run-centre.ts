import { openUpstreamClients } from '@stowage/controller/mirroring/upstream-clients'
import { openController, type ControllerOptions } from '@stowage/controller/open-controller'
import { allowAll } from '@stowage/mirror/server/authorize'
import { createMirrorServer } from '@stowage/mirror/server/mirror-server'
import { registryRoutes } from '@stowage/mirror/server/registry-routes'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import { runAll } from '@stowage/node-agent/run-all'
import type { Logger } from 'pino'
import type { CentreFlags } from './centre-options.ts'
import { openCentreStore, untilReachable } from './centre-store.ts'
import type { CommandContext } from './command-context.ts'
import { expireUploads } from './expire-uploads.ts'
import { readNetworkSettings } from './network-settings.ts'
import { machineCredentials, openRegistry } from './open-registry.ts'
import { serve } from './serve.ts'

/** Where the wishes of a centre come from, and what else is done with what is known. */
export interface CentreSource extends Pick<ControllerOptions, 'source' | 'onStep'> {
  /** Runs beside the centre. */
  readonly run?: (signal: AbortSignal) => Promise<void>
}

export interface OpenSourceOptions {
  readonly objects: ObjectStore
  readonly log: Logger
}

/** Runs controller and mirror in one process until the signal. */
export async function runCentre(
  context: CommandContext,
  flags: CentreFlags,
  openSource: (options: OpenSourceOptions) => Promise<CentreSource>,
): Promise<void> {
  const { signal } = context
  const log = await context.log()
  const settings = {
    ...(await readNetworkSettings(context, flags.caFile)),
    insecureRegistries: flags.insecureRegistry ?? [],
    credentials: await machineCredentials(context, { ...flags, log }),
    log,
  }
  await using store = await openCentreStore(context, flags, log)
  const { objects, content } = store
  await using upstreams = openUpstreamClients({
    open: (registry, secrets) => openRegistry(registry, secrets, settings),
  })
  await untilReachable(objects, { log, signal })
  if (signal.aborted) return
  const { run, ...wishing } = await openSource({ objects, log })
  const controller = await openController({
    ...wishing,
    content,
    objects,
    upstreamFor: upstreams.upstreamFor,
    refreshMs: flags.imageCacheRefreshFrequency,
    log,
  })
  const app = createMirrorServer()
  await app.register(registryRoutes, { store: content, authorize: allowAll, log })
  await app.register(controller.edgeApi)
  await app.register(controller.operatorApi)
  const serving = (until: AbortSignal): Promise<void> => serve(app, { listen: flags.listen, log, signal: until })
  const expiring = (until: AbortSignal): Promise<void> => expireUploads(content, { log, signal: until })
  const clearing = store.isRemote ? [] : [expiring]
  await runAll([serving, (until) => controller.run(until), ...clearing, ...(run ? [run] : [])], signal)
}
