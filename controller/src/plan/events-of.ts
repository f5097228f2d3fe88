import type { CachePhase, CacheStatus } from '../api/cache-status.ts'

/** An event about an ImageCache, as kube-fledged records it (core/v1). */
export interface CacheEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
}

/** What a status must say for an event to be made of it. */
type Outcome = Pick<CacheStatus, 'status' | 'reason' | 'message' | 'startTime'>

const typeOf: Readonly<Record<CachePhase, CacheEvent['type'] | undefined>> = {
  Processing: undefined,
  Succeeded: 'Normal',
  NoImagesPulledOrDeleted: 'Normal',
  AwaitingOfflineNodes: 'Normal',
  Failed: 'Warning',
}

/**
 * The events to be recorded once `next` is written where `written` stood: one when an operation has come to an end, or to
 * another one than before. What the two say is all that is asked, so nobody records an end twice, whoever wrote it.
 */
export function eventsOf(written: Partial<Outcome> | undefined, next: Outcome): CacheEvent[] {
  const type = typeOf[next.status]
  const isKnown =
    written?.status === next.status && written.reason === next.reason && written.startTime === next.startTime
  return type === undefined || isKnown ? [] : [{ type, reason: next.reason, message: next.message }]
}
