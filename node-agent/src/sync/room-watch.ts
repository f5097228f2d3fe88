import type { Pursuits } from './pursuits.ts'

/** Sees to it that what failed on a full disk waits no longer than until there is room. */
export interface RoomWatch {
  /** It failed for lack of room, and its pause is not over. */
  readonly isWaiting: (subject: string) => boolean
  /**
   * Ends the pauses of those that had no room when last looked at and have it now. Whoever failed although there seemed to be
   * room (a quota, a layer that grows when it is unpacked) is patient as after any other failure.
   * @param lacksRoom asked of those that wait
   */
  look(subjects: readonly string[], lacksRoom: (subject: string) => boolean): void
}

export function createRoomWatch(pursuits: Pick<Pursuits, 'attemptOf' | 'waitMs' | 'isRunning' | 'hurry'>): RoomWatch {
  // Of what an earlier process left behind nobody knows how full the disk was: it is tried once.
  let lackedRoom: ReadonlySet<string> | undefined

  function isWaiting(subject: string): boolean {
    if (pursuits.attemptOf(subject)?.code !== 'no-space') return false
    return pursuits.waitMs(subject) > 0 && !pursuits.isRunning(subject)
  }

  return {
    isWaiting,
    look(subjects, lacksRoom) {
      const waiting = subjects.filter(isWaiting)
      const lacking = new Set(waiting.filter(lacksRoom))
      const before = lackedRoom ?? new Set(waiting)
      for (const subject of waiting) if (before.has(subject) && !lacking.has(subject)) pursuits.hurry(subject)
      lackedRoom = lacking
    },
  }
}
