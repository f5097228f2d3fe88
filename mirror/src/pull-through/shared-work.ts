/** Work that many may want at the same time and that is done once for all of them. */
export interface SharedWork<T> {
  /** What the work under this name comes to; it is begun only if it is not under way. It goes on whoever stops to wait. */
  share(name: string, work: () => Promise<T>): Promise<T>
  /** Resolves when none is under way. */
  settled(): Promise<void>
}

/** @param restOf what is still to be done of work when its result is there, and never rejects: work is shared until then */
export function createSharedWork<T>(restOf: (result: T) => Promise<void> | undefined = () => undefined): SharedWork<T> {
  const underWay = new Map<string, Promise<T>>()
  const rests = new Map<string, Promise<void>>()

  async function begin(name: string, work: () => Promise<T>): Promise<T> {
    let rest: Promise<void> | undefined
    try {
      // It ends after it was noted to have begun, whatever it is.
      const result = await Promise.try(work)
      rest = restOf(result)
      return result
    } finally {
      if (rest) rests.set(name, rest.then(end))
      else end()
    }
    function end(): void {
      underWay.delete(name)
      rests.delete(name)
    }
  }

  return {
    share(name, work) {
      const known = underWay.get(name)
      if (known) return known
      const begun = begin(name, work)
      // Those who wait hear of a failure; there may be nobody.
      begun.catch(() => undefined)
      underWay.set(name, begun)
      return begun
    },
    async settled() {
      while (underWay.size > 0) await Promise.allSettled([...underWay.values(), ...rests.values()])
    },
  }
}
