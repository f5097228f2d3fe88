import { randomUUID } from 'node:crypto'
import type { Assignment } from '@stowage/mirror/edge/assignment'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { AgentOptions } from '@stowage/node-agent/agent'
import type { Centre } from '@stowage/node-agent/centre/centre'
import { createContact } from '@stowage/node-agent/centre/contact'
import { wellKnownLabels } from '@stowage/node-agent/host-platform'
import { reportBodyOf, type Identity } from '@stowage/node-agent/report-body'
import { runAll } from '@stowage/node-agent/run-all'
import { createPretendedImages, type FleetLibrary } from './pretended-images.ts'

export interface SimulatedNodeOptions {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly platform: Platform
  readonly centre: Centre
  readonly library: FleetLibrary
  /** How long images take to come, in milliseconds. */
  readonly fetchMs: number
  /** The longest silence towards the centre, in milliseconds. */
  readonly contactEveryMs: number
  /** Called with each assignment that it reads. */
  readonly onAssignment: (assignment: Assignment) => void
  readonly random: () => number
  readonly log: AgentOptions['log']
}

/** A node that speaks as an agent does, with the agent's own code for that, and has no images. */
export interface SimulatedNode {
  readonly name: string
  /** Until `signal` aborts; may be run again afterwards, as one whose link was away. */
  run(signal: AbortSignal): Promise<void>
}

const progressEveryMs = 1000

export function createSimulatedNode(options: SimulatedNodeOptions): SimulatedNode {
  const { name, platform, labels, centre, contactEveryMs, random, log } = options
  const identity: Identity = {
    node: name,
    instance: randomUUID(),
    agentVersion: '0.1.0',
    platform,
    labels: { ...wellKnownLabels(name, platform), ...labels },
    runtime: 'containerd',
  }
  let counter = 0
  const images = createPretendedImages({ ...options, onChange: () => contact.tell() })
  const contact = createContact({
    centre,
    node: name,
    bodyOf() {
      const measures = { bytesPerSecond: 0, bytesReceived: 0, now: Date.now() }
      return reportBodyOf(identity, images.view(), { measures, contactTrouble: contact.trouble() })
    },
    nextCounter: () => ++counter,
    onReceipt: () => undefined,
    isBusy: () => images.view().isBusy,
    latest: () => images.latest(),
    obey(assignment) {
      images.obey(assignment)
      options.onAssignment(assignment)
      return Promise.resolve()
    },
    onLinkBack: () => undefined,
    contactEveryMs,
    progressEveryMs,
    random,
    log,
  })
  const loops = [(until: AbortSignal) => images.run(until), (until: AbortSignal) => contact.run(until)]
  return { name, run: (signal) => runAll(loops, signal) }
}
