import { digestOf, hexOf } from '@stowage/mirror/oci/digest'
import { isMoving } from '@stowage/mirror/oci/reference'
import { isCurrent, mirroredBytes, type Resolution, type Resolutions } from '../memory/resolution.ts'
import type { Want } from './plan-wants.ts'

export interface ResolveInput {
  readonly wants: ReadonlyMap<string, Want>
  readonly resolutions: Resolutions
  /** Names being looked up or copied now. */
  readonly inFlight: ReadonlySet<string>
  /** Names whose credentials are others than at the last try: what was denied may be allowed now. */
  readonly newCredentials: ReadonlySet<string>
  /** Epoch milliseconds. */
  readonly now: number
}

export interface ResolvePlan {
  /**
   * To be looked up now, and copied if need be: what has waited longest comes first, so that images of a registry that hangs
   * do not keep others from their turn.
   */
  readonly due: readonly Want[]
  /** Under way, but nobody wants them any more, or not now. */
  readonly cancel: readonly string[]
  /** Long unwanted: what they mean now would have to be looked up anyway. */
  readonly forget: readonly string[]
  /** When the next one will be due, epoch milliseconds; Infinity for never. */
  readonly nextAt: number
}

/** How long a reference that nobody wants is remembered, in milliseconds: it may come back while upstream is away. */
const rememberMs = 24 * 60 * 60 * 1000

/** Which references to look up now. */
export function planResolve({ wants, inFlight, ...input }: ResolveInput): ResolvePlan {
  const unwanted = [...input.resolutions].filter(([name]) => !wants.has(name) && !inFlight.has(name))
  const idle = [...wants.values()].filter(({ name }) => !inFlight.has(name))
  const timed = idle.map((want) => ({ want, at: dueAt(want, input) }))
  const later = timed.filter(({ at }) => at > input.now).map(({ at }) => at)
  return {
    due: timed
      .filter(({ at }) => at <= input.now)
      .toSorted((a, b) => a.at - b.at)
      .map(({ want }) => want),
    cancel: [...inFlight].filter((name) => wants.get(name)?.isSuspended ?? true),
    forget: unwanted.filter(([, known]) => input.now - lastTry(known) > rememberMs).map(([name]) => name),
    nextAt: later.reduce((first, at) => Math.min(first, at), Infinity),
  }
}

function dueAt(want: Want, input: Omit<ResolveInput, 'wants' | 'inFlight'>): number {
  const { resolutions, newCredentials, now } = input
  if (want.isSuspended) return Infinity
  const resolution = resolutions.get(want.name)
  // A clock that was set back must not keep a reference from being looked up.
  if (!resolution || isStale(want, resolution, now) || lastTry(resolution) > now) return 0
  if (resolution.fault) return newCredentials.has(want.name) ? 0 : resolution.fault.retryAt
  if (!isComplete(want, resolution)) return 0
  if (!isMoving(want.reference)) return Infinity
  return (resolution.checkedAt ?? 0) + want.refreshMs * spreadOf(want.name)
}

/**
 * A refresh was ordered after the last look, successful or not. With a clock that was set back since, every look would seem
 * to be before the order: then it waits until the clock has come to the order again.
 */
function isStale({ refreshSince }: Want, resolution: Resolution, now: number): boolean {
  return refreshSince <= now && lastTry(resolution) < refreshSince
}

function lastTry({ checkedAt, fault }: Resolution): number {
  return Math.max(checkedAt ?? 0, fault?.at ?? 0)
}

/** Whether the mirror holds all that is wanted of an image; nothing is asked of it while no platform is known. */
export function isComplete({ platforms }: Want, resolution: Resolution): boolean {
  if (platforms.length === 0) return resolution.target !== null
  if (!isCurrent(resolution)) return false
  return platforms.every((platform) => mirroredBytes(resolution.mirrored, platform) !== undefined)
}

/** 0.9 to 1.1, always the same for a name: a thousand references are not looked up in the same second. */
export function spreadOf(name: string): number {
  return 0.9 + (0.2 * Number.parseInt(hexOf(digestOf(name)).slice(0, 4), 16)) / 0xffff
}
