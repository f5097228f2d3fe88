import type { OpenedElection } from '@stowage/controller/kube/lease/open-election'
import { controllerRepairs } from '@stowage/controller/mirroring/controller-repairs'
import { openUpstreamClients } from '@stowage/controller/mirroring/upstream-clients'
import { noMeter } from '@stowage/mirror/metrics/meter'
import { Fault } from '@stowage/mirror/oci/fault'
import { createMirrorServer } from '@stowage/mirror/server/mirror-server'
import { registryRoutes } from '@stowage/mirror/server/registry-routes'
import { runAll } from '@stowage/node-agent/run-all'
import type { CentreFlags } from './centre-options.ts'
import { openCentreStore, untilReachable, type CentreStore } from './centre-store.ts'
import type { CommandContext } from './command-context.ts'
import { gcRules } from './gc-options.ts'
import { centreChecks } from './health-checks.ts'
import { joinElection } from './join-election.ts'
import { everything, openListener, type OpenedListener } from './listener/open-listener.ts'
import { centreMetrics } from './metrics/all-metrics.ts'
import { centreSamples } from './metrics/centre-samples.ts'
import { openMeasuring } from './metrics/open-measuring.ts'
import { readNetworkSettings } from './network-settings.ts'
import { openCentre, type CentreSettings, type WorkingCentre } from './open-centre.ts'
import { machineCredentials, openRegistry } from './open-registry.ts'
import { createStoreCollector } from './operations/store-collector.ts'
import { takeOrders } from './operations/take-orders.ts'
import { serve } from './serve.ts'
import { createUpkeep } from './upkeep.ts'

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
  const measuring = await openMeasuring(flags.metricsListen, { metrics: centreMetrics, version: context.version, log })
  const { meter } = measuring
  let working: WorkingCentre | undefined
  const centre = (): WorkingCentre | undefined => working
  measuring.look(() => centreSamples(centre(), store))
  const settings = {
    upstreamFor,
    openSource,
    refreshMs: flags.imageCacheRefreshFrequency,
    onCentre: (next: WorkingCentre | undefined) => void (working = next),
    meter: meter ?? noMeter,
    log,
  }
  const listener = await openListener(flags, log)
  if (election && listener.limits && !listener.limits.isProxy) throw new Fault('invalid', replicasNeedMany)
  const app = createMirrorServer({ meter, certificate: listener.certificate, limits: listener.limits })
  await app.register(registryRoutes, {
    store: store.content,
    ...listener.access,
    redirects: store.redirects,
    log,
    meter,
  })
  await listener.addRoutes(app)
  const collector = createStoreCollector({ ...store, rules: gcRules(flags), isServing: true, log, meter })
  const sources = [controllerRepairs({ ...store, upstreamFor })]
  const upkeep = createUpkeep(store, { flags, collector, sources, log, meter })
  // Where the store is a mirror's, that one sees to it.
  if (!store.isRemote) measuring.look(() => upkeep.samples())
  if (store.isRemote && flags.operatorTokenFile !== undefined) throw new Fault('invalid', noOrdersHere)
  await takeOrders(app, flags, { operations: upkeep.operations, log })
  const leading = election
    ? await joinElection(app, { election, store, settings, trusted: listener.trusted })
    : await workAlone(app, { store, settings, signal })
  const checks = centreChecks(centre, store)
  const serving = (until: AbortSignal): Promise<void> =>
    serve(app, { listen: flags.listen, open: openTo(listener), log, signal: until, ...checks })
  const clearing = store.isRemote ? [] : upkeep.loops
  const keeping = (until: AbortSignal): Promise<void> => store.keep(until)
  await runAll([serving, leading, keeping, ...listener.loops(app), ...measuring.loops, ...clearing], signal)
}

const noOrdersHere =
  '--operator-token-file goes with --data: the mirror of --mirror takes orders itself, with an --operator-token-file of its own'

const replicasNeedMany =
  '--max-connections-per-address: controllers pass on what they are asked to the one that leads; name their network with --unlimited-network, too'

/** Access control is the registry's: agents and operators show no credentials yet. */
function openTo({ isOpen }: OpenedListener): string {
  return isOpen
    ? everything
    : 'speak for any node and order what operators order; only the registry asks for credentials'
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
