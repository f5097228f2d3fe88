import { unresolved, isCurrent } from '../memory/resolution.ts'
import type { CopyFault } from './copy-standing.ts'
import type { ImageRow } from './image-row.ts'
import type { World } from './world.ts'

type Known = Pick<World, 'resolutions' | 'flights' | 'now'>

/** In words, why a copy is not in place; empty if it is, or if numbers say it all. */
export function whyItWaits(row: ImageRow, known: Known): string {
  const { node, isReachable } = row
  if (row.isUpstream) return whyNotMirrored(row.image.name, row.fault, known)
  if (!node.heard) return `never heard of: start an agent with --node ${node.name}`
  return isReachable ? whyNotOnNode(row, known.now) : offline(row, node.heard)
}

function whyNotOnNode({ state, fault, whyHeld, opensAt }: ImageRow, now: number): string {
  if (state === 'held') return whyHeld ?? ''
  if (state === 'shut') return `waits for its window${opensAt === undefined ? '' : `, which opens at ${iso(opensAt)}`}`
  if (state === 'failed') return `failed on the node: ${faultWords(fault, now)}`
  if (state === 'waiting') return fault ? faultWords(fault, now) : 'waits for its turn'
  if (state === 'told' || state === 'leaving') return unread[state]
  return fault && state !== 'present' ? `trying again after: ${fault.message}` : ''
}

const unread = {
  told: 'told to the node, which has not spoken of it yet',
  leaving: 'the node has not read its latest assignment yet',
}

/** In words, why the mirror does not have an image; empty if it has what upstream last said. */
export function whyNotMirrored(
  name: string,
  fault: CopyFault | undefined,
  { resolutions, flights, now }: Known,
): string {
  const resolution = resolutions.get(name) ?? unresolved
  const flight = flights.get(name)
  const older = resolution.mirrored && !isCurrent(resolution) ? '; until then nodes keep the version before' : ''
  if (flight?.bytesTotal) {
    const percent = Math.floor((100 * flight.bytesDone) / flight.bytesTotal)
    return `waiting for the mirror: it copies ${name}, ${percent} %${older}`
  }
  if (fault) return `waiting for the mirror: ${faultWords(fault, now)}${older}`
  if (flight) return `waiting for the mirror: it looks up ${name}${older}`
  return `waiting for the mirror${older}`
}

function faultWords({ message, retryAt }: Partial<CopyFault> = {}, now: number): string {
  if (retryAt === undefined) return message ?? ''
  const seconds = Math.ceil((retryAt - now) / 1000)
  return `${message} (${seconds > 0 ? `next try in ${seconds} s` : 'trying again'})`
}

function offline({ state, bytesHere, bytesTotal }: ImageRow, heard: NonNullable<ImageRow['node']['heard']>): string {
  const percent = bytesTotal ? `${Math.floor((100 * bytesHere) / bytesTotal)} %` : undefined
  const word = state === 'fetching' || state === 'waiting' || state === 'shut' ? (percent ?? 'waiting') : state
  const said =
    state === 'told' || state === 'held' ? 'nothing about this image' : state === 'leaving' ? 'removing' : word
  const { receivedAt, nextContactBy } = heard
  return `offline since ${iso(receivedAt)} (overdue since ${iso(nextContactBy)}); last said ${said}`
}

function iso(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`
}
