/** Work that many may want at the same time and that is done once for all of them. */
export interface SharedWork<T> {
  /** What the work under this name comes to; it is begun only if it is not under way. It goes on whoever stops to wait. */
  share(name: string, work: () => Promise<T>): Promise<T>
  /** Resolves when none is under way. */
  settled(): Promise<void>
}

export function createSharedWork<T>(): SharedWork<T> {
  const underWay = new Map<string, Promise<T>>()

  return {
    share(name, work) {
      const known = underWay.get(name)
      if (known) return known
      const begun = work().finally(() => underWay.delete(name))
      // Those who wait hear of a failure; there may be nobody.
      begun.catch(() => undefined)
      underWay.set(name, begun)
      return begun
    },
    async settled() {
      await Promise.allSettled(underWay.values())
    },
  }
}
