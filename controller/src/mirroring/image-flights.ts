import type { Meter } from '@stowage/mirror/metrics/meter'
import { digestOf } from '@stowage/mirror/oci/digest'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { CredentialEntry } from '@stowage/mirror/registry/credential'
import type { Logger } from 'pino'
import type { Remembered } from '../memory/remembered.ts'
import { unresolved, type Resolution } from '../memory/resolution.ts'
import { controllerMetrics } from '../metrics/controller-metrics.ts'
import { meteredSource } from '../metrics/metered-source.ts'
import { backOffMs } from '../plan/back-off.ts'
import type { Want } from '../plan/plan-wants.ts'
import { pullSecretForbidden } from '../plan/pull-secret-forbidden.ts'
import type { Flight } from '../plan/world.ts'
import { mirrorImage, type MirrorImageOptions } from './mirror-image.ts'
import type { QueueFor } from './request-queues.ts'
import type { UpstreamFor } from './upstream.ts'

export interface ImageFlightsOptions extends Pick<MirrorImageOptions, 'content' | 'now'> {
  readonly queueFor: QueueFor
  readonly resolutions: Remembered<Resolution>
  readonly upstreamFor: UpstreamFor
  readonly random: () => number
  readonly log: Logger
  readonly meter: Meter
  /** Called when something has landed, or was found out on the way. */
  readonly onNews: () => void
}

/** What a look-up may show to registries. */
export interface FlightCredentials {
  readonly credentials: readonly CredentialEntry[]
  /** Secrets (`namespace/name`) that are named but not there. */
  readonly missing: readonly string[]
  /** Why Secrets that are named cannot be read. */
  readonly forbidden?: readonly string[]
}

/** Look-ups and copies that are under way, one for a name at most. */
export interface ImageFlights extends AsyncDisposable {
  readonly all: ReadonlyMap<string, Flight>
  start(want: Want, credentials: FlightCredentials): void
  cancel(name: string): void
  /**
   * Whether these credentials are others than at the last try. After a restart nobody knows: then they are if they could mend
   * what failed, so that a centre that is started again and again wears no registry out.
   */
  isNewCredentials(name: string, credentials: FlightCredentials): boolean
}

/** Carries out what `planResolve` finds due, and records what comes of it. Disposing of it stops what is under way. */
export function createImageFlights(options: ImageFlightsOptions): ImageFlights {
  const { resolutions, log, meter, onNews } = options
  const flights = new Map<string, Flight & { readonly stop: AbortController; readonly landed: Promise<void> }>()
  const tried = new Map<string, string>()

  async function fly(want: Want, shown: FlightCredentials, signal: AbortSignal): Promise<void> {
    const { name } = want
    const { registry } = want.reference
    const startedAt = performance.now()
    let bytes = 0
    const ended = (outcome: string): void => meter.add(controllerMetrics.syncs, { registry, outcome })
    try {
      const known = resolutions.all.get(name) ?? unresolved
      const source = meteredSource(options.upstreamFor(registry, shown.credentials), (more) => {
        bytes += more
        meter.add(controllerMetrics.upstreamBytes, { registry }, more)
      })
      const resolution = await mirrorImage(want, {
        ...options,
        queue: options.queueFor(registry),
        known,
        source,
        signal,
        onResolved: async (resolved) => {
          await resolutions.put(name, resolved)
          onNews()
        },
        onProgress: (progress) => {
          const flight = flights.get(name)
          if (flight) flights.set(name, { ...flight, ...progress })
        },
      })
      await resolutions.put(name, resolution)
      ended(resolution.mirrored === known.mirrored ? 'unchanged' : 'copied')
      const isNews = known.fault !== null || resolution.mirrored !== known.mirrored
      const facts = { reference: name, digest: resolution.target?.digest, bytes, ms: since(startedAt) }
      log[isNews ? 'info' : 'debug'](facts, 'image up to date')
    } catch (error) {
      if (signal.aborted) return
      if (!isFault(error)) throw error
      ended('failed')
      meter.add(controllerMetrics.syncFailures, { registry, code: error.code })
      await noteFault(name, withLackingSecrets(error, shown))
    }
  }

  async function noteFault(name: string, error: Fault): Promise<void> {
    const known = resolutions.all.get(name) ?? unresolved
    const attempts = (known.fault?.attempts ?? 0) + 1
    const { code, message, retryAfterMs } = error
    const waitMs = backOffMs({ code, retryAfterMs, attempts, random: options.random() })
    const at = options.now()
    // In memory first: with a full disk, too, the next try must wait.
    resolutions.note(name, { ...known, fault: { code, message, attempts, at, retryAt: at + waitMs } })
    const level = known.fault?.message === message ? 'debug' : 'warn'
    log[level]({ reference: name, err: error, attempt: attempts, retryInMs: waitMs }, 'image not mirrored')
    await resolutions.save(name).catch((err: unknown) => {
      if (!isFault(err)) throw err
      log.error({ reference: name, err }, 'fault not remembered')
    })
  }

  return {
    all: flights,

    start(want, credentials) {
      const { name } = want
      const stop = new AbortController()
      tried.set(name, keyOf(credentials))
      const landed = fly(want, credentials, stop.signal).finally(() => {
        flights.delete(name)
        onNews()
      })
      flights.set(name, { bytesDone: 0, bytesTotal: undefined, stop, landed })
    },

    cancel: (name) => flights.get(name)?.stop.abort(),

    isNewCredentials(name, shown) {
      const last = tried.get(name)
      return last === undefined ? mayHelp(shown, resolutions.all.get(name)) : last !== keyOf(shown)
    },

    async [Symbol.asyncDispose]() {
      const under = [...flights.values()]
      for (const { stop } of under) stop.abort()
      await Promise.allSettled(under.map(({ landed }) => landed))
    },
  }
}

function withLackingSecrets(fault: Fault, { missing, forbidden = [] }: FlightCredentials): Fault {
  if (fault.code !== 'denied') return fault
  const lacks = [
    ...(missing.length > 0 ? [`imagePullSecrets name ${missing.join(', ')}, and there is no such Secret`] : []),
    ...forbidden.map((words) => `${pullSecretForbidden}: ${words}`),
  ]
  return lacks.length > 0 ? new Fault('denied', [fault.message, ...lacks].join('; '), { cause: fault }) : fault
}

function since(startedAt: number): number {
  return Math.round(performance.now() - startedAt)
}

function mayHelp({ credentials }: FlightCredentials, resolution: Resolution | undefined): boolean {
  const code = resolution?.fault?.code
  // Registries call private repositories absent, too.
  return credentials.length > 0 && (code === 'denied' || code === 'not-found')
}

/** Kept only to see a change, and not readable, as it is made of secrets. */
function keyOf({ credentials }: FlightCredentials): string {
  return digestOf(JSON.stringify(credentials))
}
