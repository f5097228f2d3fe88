/** A memory of limited weight: what was not asked for longest is forgotten first. */
export interface RecentlyUsed<Value> {
  get(key: string): Value | undefined
  set(key: string, value: Value, weight: number): void
  delete(key: string): void
}

export function createRecentlyUsed<Value>(maxWeight: number): RecentlyUsed<Value> {
  const entries = new Map<string, { readonly value: Value; readonly weight: number }>()
  let total = 0
  /** It need not be put behind the others. */
  let newest: string | undefined

  function remove(key: string): void {
    total -= entries.get(key)?.weight ?? 0
    entries.delete(key)
  }

  return {
    get(key) {
      const entry = entries.get(key)
      if (!entry || key === newest) return entry?.value
      entries.delete(key)
      entries.set(key, entry)
      newest = key
      return entry.value
    },

    set(key, value, weight) {
      remove(key)
      if (weight > maxWeight) return
      entries.set(key, { value, weight })
      newest = key
      total += weight
      for (const oldest of entries.keys()) {
        if (total <= maxWeight) return
        remove(oldest)
      }
    },

    delete: remove,
  }
}
