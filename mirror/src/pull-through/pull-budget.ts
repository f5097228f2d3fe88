/** How many manifests may still be fetched, as Docker Hub says it with its answers. */
export interface PullBudget {
  /** Reads the headers of an answer. */
  note(headers: Readonly<Record<string, unknown>>): void
  /** Whether there is enough left to fetch what nobody waits for: a new version of what is known. */
  allowsRefresh(): boolean
}

interface Said {
  readonly remaining: number
  readonly limit: number
  readonly until: number
}

/** So much is kept for images that are not here yet. */
const keptShare = 0.1

export function createPullBudget(now: () => number): PullBudget {
  let said: Said | undefined
  const current = (): Said | undefined => (said && said.until > now() ? said : undefined)

  return {
    note(headers) {
      const remaining = readLimit(headers['ratelimit-remaining'])
      const limit = readLimit(headers['ratelimit-limit'])
      if (!remaining) return
      const windowMs = remaining.windowMs ?? limit?.windowMs ?? 0
      said = { remaining: remaining.count, limit: limit?.count ?? remaining.count, until: now() + windowMs }
    },
    allowsRefresh() {
      const budget = current()
      return !budget || budget.remaining > budget.limit * keptShare
    },
  }
}

/** `76;w=21600`: a number of pulls in a window of seconds. */
export function readLimit(
  header: unknown,
): { readonly count: number; readonly windowMs: number | undefined } | undefined {
  const [, count, seconds] = /^\s*(\d{1,9})\s*(?:;\s*w=(\d{1,9}))?/.exec(typeof header === 'string' ? header : '') ?? []
  if (count === undefined) return undefined
  return { count: Number(count), windowMs: seconds === undefined ? undefined : Number(seconds) * 1000 }
}
