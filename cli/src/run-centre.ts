import type { OpenedElection } from '@stowage/controller/kube/lease/open-election'
import { openUpstreamClients } from '@stowage/controller/mirroring/upstream-clients'
import { allowAll } from '@stowage/mirror/server/authorize'
import { createMirrorServer } from '@stowage/mirror/server/mirror-server'
import { registryRoutes } from '@stowage/mirror/server/registry-routes'
import { runAll } from '@stowage/node-agent/run-all'
import type { CentreFlags } from './centre-options.ts'
import { openCentreStore, untilReachable, type CentreStore } from './centre-store.ts'
import type { CommandContext } from './command-context.ts'
import { expireUploads } from './expire-uploads.ts'
import { joinElection } from './join-election.ts'
import { readNetworkSettings } from './network-settings.ts'
import { openCentre, type CentreSettings } from './open-centre.ts'
import { machineCredentials, openRegistry } from './open-registry.ts'
import { serve } from './serve.ts'

export interface RunCentreOptions extends Pick<CentreSettings, 'openSource'> {
  /** Makes it one of several, of which one leads. */
  readonly election?: OpenedElection | undefined
}

/**
 * Runs controller and mirror in one process until the signal.
 * @throws Fault conflict | unavailable if it led, and leads no longer
 */
export async function runCentre(
  context: CommandContext,
  flags: CentreFlags,
  { openSource, election }: RunCentreOptions,
): Promise<void> {
  const { signal } = context
  const log = await context.log()
  const network = {
    ...(await readNetworkSettings(context, flags.caFile)),
    insecureRegistries: flags.insecureRegistry ?? [],
    credentials: await machineCredentials(context, { ...flags, log }),
    log,
  }
  await using store = await openCentreStore(context, flags, log)
  await using upstreams = openUpstreamClients({
    open: (registry, secrets) => openRegistry(registry, secrets, network),
  })
  const { upstreamFor } = upstreams
  const settings = { upstreamFor, openSource, refreshMs: flags.imageCacheRefreshFrequency, log }
  const app = createMirrorServer()
  await app.register(registryRoutes, { store: store.content, authorize: allowAll, log })
  const working = election
    ? await joinElection(app, { election, store, settings })
    : await workAlone(app, { store, settings, signal })
  const serving = (until: AbortSignal): Promise<void> => serve(app, { listen: flags.listen, log, signal: until })
  const expiring = (until: AbortSignal): Promise<void> => expireUploads(store.content, { log, signal: until })
  await runAll([serving, working, ...(store.isRemote ? [] : [expiring])], signal)
}

interface AloneOptions {
  readonly store: CentreStore
  readonly settings: CentreSettings
  readonly signal: AbortSignal
}

async function workAlone(
  app: ReturnType<typeof createMirrorServer>,
  { store, settings, signal }: AloneOptions,
): Promise<(signal: AbortSignal) => Promise<void>> {
  await untilReachable(store.objects, { log: settings.log, signal })
  if (signal.aborted) return () => Promise.resolve()
  const centre = await openCentre(settings, store)
  await app.register(centre.routes)
  return centre.run
}
