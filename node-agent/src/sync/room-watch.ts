import type { Pursuits } from './pursuits.ts'

/** Sees to it that what failed on a full disk waits no longer than until there is room. */
export interface RoomWatch {
  /** It failed for lack of room, and its pause is not over. */
  readonly isWaiting: (subject: string) => boolean
  /**
   * Ends the pauses of those that had no room when last looked at and have it now. Whoever failed although there seemed to be
   * room (a quota, a layer that grows when it is unpacked) is tried again when there is clearly more of it than ever
   * before; until then it is patient as after any other failure.
   */
  look(subjects: readonly string[], room: SeenRoom): void
}

export interface SeenRoom {
  /** Asked of those that wait. */
  readonly lacksRoom: (subject: string) => boolean
  /** Where images live. */
  readonly freeBytes: number
}

/** Less may be what half a layer took, or what somebody else took away for a moment. */
const clearlyMoreBytes = 16 * 1024 * 1024

export function createRoomWatch(pursuits: Pick<Pursuits, 'attemptOf' | 'waitMs' | 'isRunning' | 'hurry'>): RoomWatch {
  // Of what an earlier process left behind nobody knows how full the disk was: it is tried once.
  let lackedRoom: ReadonlySet<string> | undefined
  /** By subject: so much was free, and it was not enough. */
  const notEnough = new Map<string, number>()

  function isWaiting(subject: string): boolean {
    if (pursuits.attemptOf(subject)?.code !== 'no-space') return false
    return pursuits.waitMs(subject) > 0 && !pursuits.isRunning(subject)
  }

  function isClearlyMore(subject: string, freeBytes: number): boolean {
    const before = notEnough.get(subject)
    if (before !== undefined && freeBytes < before + clearlyMoreBytes) return false
    notEnough.set(subject, freeBytes)
    return before !== undefined
  }

  return {
    isWaiting,
    look(subjects, { lacksRoom, freeBytes }) {
      for (const subject of notEnough.keys()) if (!subjects.includes(subject)) notEnough.delete(subject)
      const waiting = subjects.filter(isWaiting)
      const lacking = new Set(waiting.filter(lacksRoom))
      const before = lackedRoom ?? new Set(waiting)
      for (const subject of waiting) {
        const hasMore = isClearlyMore(subject, freeBytes) || before.has(subject)
        if (hasMore && !lacking.has(subject)) pursuits.hurry(subject)
      }
      lackedRoom = lacking
    },
  }
}
