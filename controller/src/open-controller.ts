import { randomUUID } from 'node:crypto'
import { noMeter, sample, type Meter, type Sample } from '@stowage/mirror/metrics/meter'
import type { ContentStore } from '@stowage/mirror/store/content-store'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { createBell } from './bell.ts'
import { createCentreStep } from './centre-step.ts'
import { createAssignmentBoard } from './edge-api/assignment-board.ts'
import { edgeApi } from './edge-api/edge-api.ts'
import { createListening } from './edge-api/listening.ts'
import { createNodeRegistry } from './edge-api/node-registry.ts'
import { openCentreMemory } from './memory/centre-memory.ts'
import { controllerMetrics } from './metrics/controller-metrics.ts'
import { sourceSamples } from './metrics/source-samples.ts'
import { createStepWatch } from './metrics/step-watch.ts'
import { worldSamples } from './metrics/world-samples.ts'
import { createImageFlights } from './mirroring/image-flights.ts'
import { createReferrerFlights } from './mirroring/referrer-flights.ts'
import { createRequestQueues } from './mirroring/request-queues.ts'
import type { UpstreamFor } from './mirroring/upstream.ts'
import { createExports } from './operator-api/exports.ts'
import { operatorApi } from './operator-api/operator-api.ts'
import type { World } from './plan/world.ts'
import { reconcile, type Step } from './reconcile.ts'
import type { SourceState, WishSource } from './sources/wish-source.ts'
import { createWorldObserver } from './world-observer.ts'

export interface ControllerOptions {
  /** Holds what the centre remembers, below `controller/`. */
  readonly objects: ObjectStore
  readonly content: ContentStore
  readonly source: WishSource
  readonly upstreamFor: UpstreamFor
  /** How often moving references are looked up again, in milliseconds; 0 for never. */
  readonly refreshMs: number
  readonly log: Logger
  /** How many references are looked up or copied at a time; a registry of which none is may have one beyond that. */
  readonly mostFlights?: number
  /** How many requests a registry is asked at a time, over all copies. */
  readonly mostRequests?: number
  /** Epoch milliseconds. */
  readonly now?: () => number
  readonly random?: () => number
  /** What nodes are given after the start, beyond the time that they announced, before they count as offline; in milliseconds. */
  readonly graceMs?: number
  /** Who stood still for so long could not be reached meanwhile; in milliseconds. */
  readonly lapseMs?: number
  readonly meter?: Meter
  /** Called after each step, once wishes are known: what is written elsewhere of what is known follows from that. */
  readonly onStep?: (world: World, centre: { readonly forgetNode: (node: string) => Promise<boolean> }) => void
}

export interface Controller {
  /** Fastify plugins; the two may be served at different addresses. */
  readonly edgeApi: (app: FastifyInstance) => Promise<void>
  readonly operatorApi: (app: FastifyInstance) => Promise<void>
  /** How it stands, in numbers. */
  samples(): Sample[]
  /** For how long the step that is under way has been, in milliseconds; 0 if none is. */
  stepMs(): number
  /** Whether it is known what is wanted, or what nodes were told when it was: either will do to serve them. */
  isInformed(): boolean
  /** Works until `signal` aborts, which also ends all long polls. Rejects only with a bug. */
  run(signal: AbortSignal): Promise<void>
}

/**
 * Opens the controller with all that it knew before.
 * @throws Fault invalid if another version wrote its memory
 */
export async function openController(options: ControllerOptions): Promise<Controller> {
  const { objects, content, source, log, now = Date.now, random = Math.random, meter = noMeter } = options
  const memory = await openCentreMemory(objects)
  const stop = new AbortController()
  let trouble: string | undefined
  const bell = createBell()
  const board = createAssignmentBoard(memory.assignments.all)
  const news = { now, log, meter, onNews: () => bell.ring() }
  const queueFor = createRequestQueues(options.mostRequests ?? 8)
  const { upstreamFor } = options
  const { resolutions, referrers: records } = memory
  const bringing = { ...news, resolutions, content, upstreamFor, random }
  const flights = createImageFlights({ ...bringing, queueFor })
  const referrerFlights = createReferrerFlights({ ...bringing, records })
  const { graceMs = 30_000, lapseMs = 30_000 } = options
  const listening = createListening({ now, graceMs, lapseMs })
  const registry = createNodeRegistry({ ...news, nodes: memory.nodes, listening })
  const observe = createWorldObserver(memory)
  const world = (): World =>
    observe({ source: source.state(), flights: flights.all, listening: listening(), now: now() })
  const step = createCentreStep({
    memory,
    content,
    flights,
    referrerFlights,
    wishes: () => source.state().wishes,
    world,
    makeUid: randomUUID,
    now,
    log,
    refreshMs: options.refreshMs,
    mostFlights: options.mostFlights ?? 4,
    noteSilence: () => registry.noteSilence(),
    onAssigned: (node) => board.changed(node),
  })

  const steps = createStepWatch({ meter, now, steadyNow: () => performance.now() })

  async function stepAndTell(): Promise<Step> {
    const done = await step()
    if (source.state().wishes) options.onStep?.(world(), { forgetNode })
    return done
  }

  async function forgetNode(node: string): Promise<boolean> {
    if (!memory.nodes.all.has(node)) return false
    // Its assignment stays: should it come back, sequences go on where they were.
    await memory.nodes.delete(node)
    log.info({ node }, 'node forgotten')
    bell.ring()
    return true
  }

  return {
    edgeApi: edgeApi({
      registry,
      board,
      assignments: memory.assignments.all,
      isKnown: (node) => memory.nodes.all.has(node),
      signal: stop.signal,
      log,
      meter,
    }),
    operatorApi: operatorApi({
      world,
      source: () => ({ name: source.name, ...inTrouble(source.state(), trouble) }),
      exports: createExports({ ...news, world, content, wants: memory.exports }),
      forgetNode,
      log,
    }),
    samples: () => [
      ...worldSamples(world()),
      ...sourceSamples(inTrouble(source.state(), trouble)),
      sample(controllerMetrics.longPolls, {}, board.waiting()),
      sample(controllerMetrics.lastStep, {}, (steps.lastSuccess() ?? 0) / 1000),
    ],
    stepMs: () => steps.runningMs(),
    isInformed: () => source.state().wishes !== undefined || memory.assignments.all.size > 0,
    async run(signal) {
      signal.addEventListener('abort', () => stop.abort(signal.reason), { once: true })
      if (signal.aborted) stop.abort(signal.reason)
      using _there = repeatedly(listening, lookAgainMs)
      await using _flights = flights
      await using _referrerFlights = referrerFlights
      const loops = [
        source.run({ signal: stop.signal, onChange: () => bell.ring() }),
        reconcile({
          step: steps.watched(stepAndTell),
          bell,
          now,
          onTrouble: (message) => (trouble = message),
          log,
          signal: stop.signal,
        }),
      ]
      try {
        await Promise.all(loops)
      } finally {
        stop.abort()
        await Promise.allSettled(loops)
      }
    },
  }
}

/** So often a centre notices that it is there, in milliseconds. */
const lookAgainMs = 5000

function repeatedly(look: () => unknown, everyMs: number): Disposable {
  const timer = setInterval(look, everyMs)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

/** A centre that cannot remember what is wanted does not act on it: whoever asks hears why. */
function inTrouble(state: SourceState, trouble: string | undefined): SourceState {
  if (trouble === undefined) return state
  const message = [state.message, `the centre cannot act on what is written: ${trouble}`].filter(Boolean).join('; ')
  return { ...state, condition: state.condition === 'unreadable' ? 'unreadable' : 'held', message }
}
