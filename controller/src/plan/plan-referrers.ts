import { isDeepStrictEqual } from 'node:util'
import { referrersRecord, type ReferrersRecord } from '../memory/referrers-record.ts'
import type { Resolutions } from '../memory/resolution.ts'
import { isComplete, spreadOf } from './plan-resolve.ts'
import type { Want } from './plan-wants.ts'

export interface ReferrersInput {
  readonly wants: ReadonlyMap<string, Want>
  readonly resolutions: Resolutions
  /** By image name. */
  readonly records: ReadonlyMap<string, ReferrersRecord>
  /** Names whose referrers are being brought now. */
  readonly inFlight: ReadonlySet<string>
  /** After a failed try, by name: epoch milliseconds. */
  readonly retryAt: ReadonlyMap<string, number>
  /** Epoch milliseconds. */
  readonly now: number
}

export interface ReferrersPlan {
  /** Images whose referrers are to be looked for now; those first that have waited longest. */
  readonly due: readonly Want[]
  /** Under way, but nobody wants them any more, or not now. */
  readonly cancel: readonly string[]
  /** When the next one will be due, epoch milliseconds; Infinity for never. */
  readonly nextAt: number
}

/** A signature that is added changes no digest: it is looked for again after this time, in milliseconds. */
const againMs = 24 * 60 * 60 * 1000
/** No failed try waits longer for the next one; by a clock that was set back one would. */
const longestWaitMs = 60 * 60 * 1000

/** For which images to look for signatures and what else speaks of them: once they are mirrored, so that no image waits for that. */
export function planReferrers({ wants, inFlight, ...input }: ReferrersInput): ReferrersPlan {
  const idle = [...wants.values()].filter(({ name }) => !inFlight.has(name))
  const timed = idle.map((want) => ({ want, at: dueAt(want, input) })).toSorted((a, b) => a.at - b.at)
  return {
    due: timed.filter(({ at }) => at <= input.now).map(({ want }) => want),
    cancel: [...inFlight].filter((name) => wants.get(name)?.isSuspended ?? true),
    nextAt: timed.find(({ at }) => at > input.now)?.at ?? Infinity,
  }
}

function dueAt(want: Want, { resolutions, records, retryAt, now }: Omit<ReferrersInput, 'wants' | 'inFlight'>): number {
  const resolution = resolutions.get(want.name)
  if (want.isSuspended || !resolution?.mirrored || !isComplete(want, resolution)) return Infinity
  const failedUntil = retryAt.get(want.name) ?? 0
  const waitsUntil = failedUntil - now > longestWaitMs ? 0 : failedUntil
  const record = records.get(want.name)
  // A clock that was set back must not put it off.
  const isOfThis =
    record && record.at <= now && isDeepStrictEqual(record, referrersRecord(resolution.mirrored, record.at))
  return isOfThis ? Math.max(waitsUntil, record.at + againMs * spreadOf(want.name)) : waitsUntil
}
