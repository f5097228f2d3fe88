/** How much waits behind answers, to be done when those who were answered are gone. */
export interface RoomBehind {
  /** Resolves when there is room for more; all who wait go on together. */
  free(): Promise<void>
  /** Takes so many bytes until `done` settles. */
  take(bytes: number, done: Promise<unknown>): void
}

/** @param most bytes from which on those who would add to it wait */
export function createRoomBehind(most: number): RoomBehind {
  let taken = 0
  let freed = Promise.withResolvers<void>()

  function release(bytes: number): void {
    taken -= bytes
    if (taken >= most) return
    freed.resolve()
    freed = Promise.withResolvers()
  }

  return {
    async free() {
      while (taken >= most) await freed.promise
    },
    take(bytes, done) {
      taken += bytes
      const over = (): void => release(bytes)
      done.then(over, over)
    },
  }
}
