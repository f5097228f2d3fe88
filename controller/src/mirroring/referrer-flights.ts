import { copyReferrers, type CopiedReferrers } from '@stowage/mirror/copy/copy-referrers'
import { readManifests } from '@stowage/mirror/copy/read-image-graph'
import type { Meter } from '@stowage/mirror/metrics/meter'
import type { Digest } from '@stowage/mirror/oci/digest'
import { isFault, type Fault } from '@stowage/mirror/oci/fault'
import { mirrorRepositoryOf } from '@stowage/mirror/oci/reference'
import type { ContentStore, Repository } from '@stowage/mirror/store/content-store'
import type { Logger } from 'pino'
import { referrersRecord, type ReferrersRecord } from '../memory/referrers-record.ts'
import type { Remembered } from '../memory/remembered.ts'
import type { Mirrored, Resolutions } from '../memory/resolution.ts'
import { controllerMetrics } from '../metrics/controller-metrics.ts'
import { meteredSource } from '../metrics/metered-source.ts'
import { backOffMs } from '../plan/back-off.ts'
import type { Want } from '../plan/plan-wants.ts'
import type { FlightCredentials } from './image-flights.ts'
import { createRequestQueues } from './request-queues.ts'
import type { UpstreamFor } from './upstream.ts'

export interface ReferrerFlightsOptions {
  readonly resolutions: { readonly all: Resolutions }
  readonly records: Remembered<ReferrersRecord>
  readonly content: ContentStore
  readonly upstreamFor: UpstreamFor
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly random: () => number
  readonly log: Logger
  readonly meter: Meter
  /** Called when one has landed. */
  readonly onNews: () => void
}

/** Signatures, SBOMs and attestations of mirrored images that are on their way, one flight for a name at most. */
export interface ReferrerFlights extends AsyncDisposable {
  /** Names under way. */
  readonly all: ReadonlySet<string>
  /** Failed: when they may be tried again, epoch milliseconds. */
  readonly retryAt: ReadonlyMap<string, number>
  /** Only for images that are mirrored. */
  start(want: Want, credentials: Pick<FlightCredentials, 'credentials'>): void
  cancel(name: string): void
  /** Nobody wants the image any more. */
  forget(name: string): Promise<void>
}

/** Of each registry, beside what is asked for images: one that hangs when it is asked for signatures keeps none from coming. */
const mostRequests = 4
/** Room, for one, is seldom there a minute later; in milliseconds. */
const leastWaitMs: Partial<Record<Fault['code'], number>> = { 'no-space': 15 * 60_000 }

/**
 * Carries out what `planReferrers` finds due. What fails for now is tried again, later and later, what is broken upstream when it is
 * looked for next; images are complete without. Disposing of it stops what is under way.
 */
export function createReferrerFlights(options: ReferrerFlightsOptions): ReferrerFlights {
  const { resolutions, records, content, now, log, meter, onNews } = options
  const queueFor = createRequestQueues(mostRequests)
  const flights = new Map<string, { readonly stop: AbortController; readonly landed: Promise<void> }>()
  const failed = new Map<string, { readonly attempts: number; readonly message: string }>()
  const retryAt = new Map<string, number>()

  async function fly(want: Want, { credentials }: Pick<FlightCredentials, 'credentials'>, signal: AbortSignal) {
    const { name, reference } = want
    const { registry } = reference
    const mirrored = resolutions.all.get(name)?.mirrored
    if (!mirrored) return
    const repository = content.repository(mirrorRepositoryOf(reference))
    const known = (digest: Digest) => repository.manifest(digest)
    try {
      const source = meteredSource(options.upstreamFor(registry, credentials), (bytes) =>
        meter.add(controllerMetrics.upstreamBytes, { registry }, bytes),
      )
      const copied = await copyReferrers({
        source,
        sourceRepository: reference.repository,
        subjects: await manifestsThere(repository, mirrored),
        sink: repository,
        isSourceDoubted: true,
        known,
        queue: queueFor(registry),
        signal,
      })
      const passing = copied.faults.find(isPassing)
      if (!passing) await records.put(name, referrersRecord(mirrored, now()))
      told(want, copied)
      noteFault(name, copied.faults[0], passing)
    } catch (error) {
      if (signal.aborted) return
      if (!isFault(error)) throw error
      meter.add(controllerMetrics.referrerSyncs, { registry, outcome: 'failed' })
      noteFault(name, error, error)
    }
  }

  function told(
    { name, reference: { registry } }: Want,
    { referrers, bytesFetched: bytes, faults }: CopiedReferrers,
  ): void {
    meter.add(controllerMetrics.referrerSyncs, { registry, outcome: faults.length > 0 ? 'failed' : 'ok' })
    log[bytes > 0 ? 'info' : 'debug']({ reference: name, referrers, bytes }, 'signatures mirrored')
  }

  /** @param passing what is tried again before the day is over */
  function noteFault(name: string, fault: Fault | undefined, passing: Fault | undefined): void {
    if (!fault) return forgetFault(name)
    const last = failed.get(name)
    const attempts = (last?.attempts ?? 0) + 1
    failed.set(name, { attempts, message: fault.message })
    if (passing) retryAt.set(name, now() + waitMs(passing, attempts))
    else retryAt.delete(name)
    const level = last?.message === fault.message ? 'debug' : 'warn'
    log[level]({ reference: name, err: fault, attempt: attempts }, 'not all signatures are mirrored')
  }

  function waitMs({ code, retryAfterMs }: Fault, attempts: number): number {
    return Math.max(leastWaitMs[code] ?? 0, backOffMs({ code, retryAfterMs, attempts, random: options.random() }))
  }

  function forgetFault(name: string): void {
    failed.delete(name)
    retryAt.delete(name)
  }

  return {
    get all() {
      return new Set(flights.keys())
    },
    retryAt,
    start(want, credentials) {
      const stop = new AbortController()
      const landed = fly(want, credentials, stop.signal).finally(() => {
        flights.delete(want.name)
        onNews()
      })
      flights.set(want.name, { stop, landed })
    },
    cancel: (name) => flights.get(name)?.stop.abort(),
    async forget(name) {
      forgetFault(name)
      await records.delete(name)
    },
    async [Symbol.asyncDispose]() {
      const under = [...flights.values()]
      for (const { stop } of under) stop.abort()
      await Promise.allSettled(under.map(({ landed }) => landed))
    },
  }
}

/** Other faults are of what lies upstream, and do not mend themselves soon. */
function isPassing({ code }: Fault): boolean {
  return code === 'unavailable' || code === 'conflict' || code === 'no-space'
}

/** The image and its parts, as far as they were copied. */
async function manifestsThere(repository: Repository, { root }: Mirrored): Promise<Digest[]> {
  const manifest = await repository.manifest(root.digest)
  if (!manifest) return []
  const found = await readManifests({
    root: manifest,
    fetchAll: (children) => Promise.all(children.map(({ digest }) => repository.manifest(digest))),
    what: `${repository.name}@${root.digest}`,
  })
  return [...found.keys()]
}
