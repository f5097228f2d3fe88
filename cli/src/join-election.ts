import type { OpenedElection } from '@stowage/controller/kube/lease/open-election'
import type { Leadership } from '@stowage/controller/kube/lease/election'
import { takeFence } from '@stowage/controller/memory/fence'
import { leaderDoor, type RawHandler } from '@stowage/controller/replicas/leader-door'
import { createMirrorServer } from '@stowage/mirror/server/mirror-server'
import { untilReachable, type CentreStore } from './centre-store.ts'
import { openCentre, type CentreSettings } from './open-centre.ts'

export interface JoinElectionOptions {
  readonly election: OpenedElection
  readonly store: CentreStore
  readonly settings: CentreSettings
  /** Certificates by which the others are known; undefined if there is no TLS. */
  readonly trusted: (() => readonly string[]) | undefined
}

/**
 * Makes a server one of several replicas: what is asked of the centre is answered here while this process leads, and by the
 * leader otherwise. The result takes part in the election until its signal.
 */
export async function joinElection(
  app: ReturnType<typeof createMirrorServer>,
  { election, store, settings, trusted }: JoinElectionOptions,
): Promise<(signal: AbortSignal) => Promise<void>> {
  const { identity, clocks } = election
  let leading: { readonly handler: RawHandler; readonly mayWrite: () => boolean } | undefined
  await app.register(
    leaderDoor({
      identity,
      // A leader that is not sure any more says nothing: what it knows may be old.
      own: () => (leading?.mayWrite() ? leading.handler : undefined),
      leader: () => election.leader(),
      steadyNow: clocks.steady,
      trusted,
    }),
  )

  async function lead({ signal, mayWrite }: Leadership): Promise<void> {
    await untilReachable(store.objects, { log: settings.log, signal })
    if (signal.aborted) return
    const fence = await takeFence(store.objects, { identity, mayWrite })
    const centre = await openCentre(settings, { ...store.fenced(() => fence), mayWrite })
    // Apart, as routes cannot come and go in a server that listens.
    const own = createMirrorServer({ meter: settings.meter })
    await own.register(centre.routes)
    await own.ready()
    leading = { handler: (request, response) => own.routing(request, response), mayWrite }
    try {
      await centre.run(signal)
    } finally {
      leading = undefined
      await own.close()
    }
  }

  return (signal) => election.run(lead, signal)
}
