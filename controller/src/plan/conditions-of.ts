import type { CachePhase, Condition } from '../api/cache-status.ts'
import { cacheKey } from '../api/image-cache.ts'
import { isCurrent, unresolved } from '../memory/resolution.ts'
import type { LivingCache } from './living-cache.ts'
import { isReachable } from './reachable.ts'
import { whyHeld } from './rollout.ts'
import { missingIn, type Tally } from './tally.ts'
import type { World } from './world.ts'

export interface ConditionsInput {
  /** Of the nodes that are selected. */
  readonly tallies: readonly Tally[]
  readonly phase: CachePhase
  readonly world: World
}

const longestMessage = 1000

type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>

/** The conditions of a cache; each keeps the time at which its status last changed. */
export function conditionsOf(living: LivingCache, input: ConditionsInput): Condition[] {
  const before = new Map(living.record.status?.conditions.map((condition) => [condition.type, condition]))
  const verdicts: [Condition['type'], Verdict][] = [
    ['Accepted', accepted(living, input)],
    ['Resolved', resolved(living, input)],
    ['Synced', synced(living, input)],
    ['AgentsPresent', agentsPresent(input)],
    ...(living.cache.isSuspended ? [['Suspended', suspended] satisfies [Condition['type'], Verdict]] : []),
  ]
  return verdicts.map(([type, verdict]) => {
    const old = before.get(type)
    const since = old?.status === verdict.status ? old.lastTransitionTime : new Date(input.world.now).toISOString()
    return { type, ...verdict, lastTransitionTime: since }
  })
}

function accepted({ cache }: LivingCache, { world }: ConditionsInput): Verdict {
  const notAccepted = world.notAccepted.get(cacheKey(cache))
  const note = cache.hasDeadline ? 'spec.imagePullDeadlineDuration has no effect: no image is ever given up' : ''
  if (notAccepted === undefined) return { status: 'True', reason: 'Valid', message: note }
  return { status: 'False', reason: 'Invalid', message: notAccepted }
}

/** Whether upstream could be asked lately and the mirror has what it said; a version that nodes have already may be stale. */
function resolved({ record }: LivingCache, { tallies, world }: ConditionsInput): Verdict {
  const known = record.purged
    ? []
    : record.names.map((name) => ({ name, ...(world.resolutions.get(name) ?? unresolved) }))
  const faulty = known.filter(({ fault }) => fault)
  const [first] = faulty
  if (first?.fault) {
    const more = faulty.length > 1 ? ` (and ${faulty.length - 1} more)` : ''
    const message = `${first.fault.message.slice(0, longestMessage)}${more}`
    return { status: 'False', reason: wordOf(first.fault.code), message }
  }
  const absent = known.filter((resolution) => !isCurrent(resolution))
  if (absent.length === 0) return { status: 'True', reason: 'Mirrored', message: '' }
  // What nobody is there to have is looked up, and not copied.
  const pending = tallies.length > 0 ? absent : absent.filter(({ target }) => target === null)
  if (pending.length === 0) {
    return { status: 'True', reason: 'LookedUp', message: 'the mirror copies it once a node is selected' }
  }
  const names = someOf(pending.map(({ name }) => name))
  return { status: 'Unknown', reason: 'Mirroring', message: `waiting for the mirror: ${names}` }
}

function synced(living: LivingCache, { phase, tallies, world }: ConditionsInput): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: phase, message: '' }
  const wanted = tallies.reduce((total, tally) => total + tally.wanted, 0)
  const missing = tallies.reduce((total, tally) => total + missingIn(tally), 0)
  const message = wanted > 0 ? `${wanted - missing} of ${wanted} copies are in place` : ''
  const nodes = tallies.filter(({ inState }) => inState.held !== undefined).length
  const waiting = nodes > 0 ? `; ${nodes} nodes wait: ${whyHeld(living)}` : ''
  const shut = waitingForWindow(tallies, world.now)
  return { status: phase === 'Failed' ? 'False' : 'Unknown', reason: phase, message: `${message}${waiting}${shut}` }
}

/** Of nodes that can be heard of: what an offline one waits for first is its link. */
function waitingForWindow(tallies: readonly Tally[], now: number): string {
  const shut = tallies.filter(({ node, inState }) => inState.shut !== undefined && isReachable(node.heard, now))
  if (shut.length === 0) return ''
  const next = Math.min(...shut.map(({ opensAt }) => (opensAt > now ? opensAt : Infinity)))
  const when = Number.isFinite(next) ? ` (next at ${new Date(next).toISOString().slice(0, 16)}Z)` : ''
  return `; ${shut.length === 1 ? '1 node waits for its' : `${shut.length} nodes wait for their`} window${when}`
}

const suspended: Verdict = {
  status: 'True',
  reason: 'Suspended',
  message: 'spec.suspend is set: nothing new is looked up or told to nodes, and what is there stays',
}

/** Selected nodes on which nobody is there to bring an image. */
function agentsPresent({ tallies }: ConditionsInput): Verdict {
  const without = tallies.flatMap(({ node }) => (node.heard ? [] : node.name))
  if (without.length === 0) return { status: 'True', reason: 'AgentsPresent', message: '' }
  const message = `${without.length} of ${tallies.length} selected nodes run no agent: ${someOf(without)}`
  return { status: 'False', reason: 'NodesWithoutAgent', message }
}

const mostNames = 3

function someOf(names: readonly string[]): string {
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : ''
  return `${names.slice(0, mostNames).join(', ')}${more}`
}

/** Conditions' reasons are in CamelCase (meta/v1). */
function wordOf(code: string): string {
  return code
    .split('-')
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join('')
}
