import type { Logger } from 'pino'
import type { ContentSource } from '@stowage/mirror/content'
import { parseNodeName } from '@stowage/mirror/edge/node-name'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { Centre } from './centre/centre.ts'
import { createCentreClock } from './centre/centre-clock.ts'
import { createContact } from './centre/contact.ts'
import { openDataDirectory, type DataDirectory } from './data-directory.ts'
import type { FileSystem } from './files/file-system.ts'
import { wellKnownLabels } from './host-platform.ts'
import { reportBodyOf, type Identity } from './report-body.ts'
import { runAll } from './run-all.ts'
import type { Runtime } from './runtime/runtime.ts'
import { defaultSyncLimits, openImageSync, type SyncLimits } from './sync/open-image-sync.ts'
import { createSync } from './sync/sync.ts'
import { createRateMeter } from './transfer/rate-meter.ts'
import { createWake, type Wake } from './wake.ts'

/** How often an agent speaks and looks, in milliseconds. */
export interface AgentPace {
  /** The longest silence towards the centre. */
  readonly contactEveryMs: number
  /** Between two reports while bytes move. */
  readonly progressEveryMs: number
  /** Between two looks at the runtime when nothing seems to have happened. */
  readonly lookEveryMs: number
}

export const defaultAgentPace: AgentPace = { contactEveryMs: 15_000, progressEveryMs: 1000, lookEveryMs: 15_000 }

export interface AgentOptions {
  /** Name of the node. */
  readonly node: string
  /** Proposed to the centre, besides the well-known ones. */
  readonly labels: Readonly<Record<string, string>>
  readonly version: string
  readonly dataDirectory: string
  readonly files: FileSystem
  /** Where the images live; closed by whoever opened it. */
  readonly runtime: Runtime
  readonly platform: Platform
  /** The registry of the centre. */
  readonly source: ContentSource
  readonly centre: Centre
  readonly limits?: Partial<SyncLimits>
  readonly pace?: Partial<AgentPace>
  /** Epoch milliseconds. */
  readonly now?: () => number
  /** From 0 to 1. */
  readonly random?: () => number
  readonly log: Logger
}

/** Keeps the images of one node as its centre wants them, link or no link. */
export interface Agent {
  /**
   * Runs until the signal fires.
   * @throws Fault conflict (another agent uses the data directory) | invalid | denied | no-space | unavailable, at the start only
   */
  run(signal: AbortSignal): Promise<void>
}

/** @throws Fault invalid if the node's name is none */
export function createAgent(options: AgentOptions): Agent {
  const { node, dataDirectory, files, log } = options
  parseNodeName(node)
  return {
    async run(signal) {
      await using data = await openDataDirectory({ directory: dataDirectory, files, log })
      const bugs = new AbortController()
      const { loops, wake } = wire(data, options, (bug) => bugs.abort(bug))
      using _watch = options.runtime.watch(() => wake.ring())
      await runAll(loops, AbortSignal.any([signal, bugs.signal]))
      if (bugs.signal.aborted) throw bugs.signal.reason
    },
  }
}

type Loop = (signal: AbortSignal) => Promise<void>

interface Wired {
  readonly loops: Loop[]
  /** Makes the agent look at its runtime now. */
  readonly wake: Wake
}

function wire(data: DataDirectory, options: AgentOptions, onBug: (error: unknown) => void): Wired {
  const { node, runtime, platform, source, now = Date.now, random = Math.random, log } = options
  const limits = { ...defaultSyncLimits, ...options.limits }
  const pace = { ...defaultAgentPace, ...options.pace }
  const wake = createWake()
  const meter = createRateMeter()
  const clock = createCentreClock({ now, monotonicNow: () => performance.now(), onChange: () => wake.ring() })
  const { imageSync, library } = openImageSync({
    data,
    source,
    runtime,
    platform,
    limits,
    now,
    random,
    onBytes: (bytes) => meter.add(bytes),
    onEnd: () => wake.ring(),
    onBug,
    log: log.child({ component: 'sync' }),
  })
  const sync = createSync({
    ...data,
    ...pace,
    node,
    library,
    runtime,
    imageSync,
    wake,
    now,
    centreNow: () => clock.now(),
    random,
    announce: (signal) => contact.delivered(signal),
    onChange: () => contact.tell(),
    log: log.child({ component: 'sync' }),
  })
  const contact = createContact({
    ...pace,
    node,
    random,
    centre: options.centre,
    bodyOf() {
      const view = sync.view()
      const measures = { bytesPerSecond: meter.bytesPerSecond(), bytesReceived: data.meta.bytesReceived(), now: now() }
      return view && reportBodyOf(identityOf(options, data), view, { measures, contactTrouble: contact.trouble() })
    },
    nextCounter: () => data.meta.nextCounter(),
    onReceipt({ assignment, date }) {
      clock.heard(date)
      sync.confirm(assignment)
    },
    isBusy: () => imageSync.isBusy(),
    latest: () => data.assignments.latest(),
    obey: (assignment) => sync.obey(assignment),
    onLinkBack: () => sync.linkIsBack(),
    log: log.child({ component: 'contact' }),
  })
  return { loops: [(signal) => sync.run(signal), (signal) => contact.run(signal)], wake }
}

function identityOf({ node, labels, platform, runtime, version }: AgentOptions, { meta }: DataDirectory): Identity {
  return {
    node,
    platform,
    instance: meta.instance,
    agentVersion: version,
    runtime: runtime.name,
    labels: { ...wellKnownLabels(node, platform), ...labels },
  }
}
