import { Refusal } from './refusal.ts'

/** The most that one page lists; a client that wants more follows `Link`. */
const maxPageSize = 10_000

/** Which part of a list is asked for. */
export interface Page {
  readonly limit: number
  readonly after: string | undefined
}

/**
 * Reads `n` and `last` (distribution-spec, "Listing Tags").
 * @throws Refusal PAGINATION_NUMBER_INVALID
 */
export function parsePage(query: URLSearchParams): Page {
  const limit = query.get('n') ?? String(maxPageSize)
  if (!/^\d{1,9}$/.test(limit)) {
    throw new Refusal('PAGINATION_NUMBER_INVALID', `n="${limit.slice(0, 100)}" is not a number of entries`)
  }
  return { limit: Math.min(Number(limit), maxPageSize), after: query.get('last') ?? undefined }
}

export interface Listed<Entry> {
  readonly entries: readonly Entry[]
  readonly headers: Readonly<Record<string, string>>
}

interface ListOptions<Entry> {
  readonly path: string
  readonly list: (options: Page) => Promise<readonly Entry[]>
  readonly nameOf: (entry: Entry) => string
}

/** Takes one page out of a list, with the `Link` to the next one if there is more. */
export async function listPage<Entry>(
  { limit, after }: Page,
  { path, list, nameOf }: ListOptions<Entry>,
): Promise<Listed<Entry>> {
  if (limit === 0) return { entries: [], headers: {} }
  const found = await list({ limit: limit + 1, after })
  const entries = found.slice(0, limit)
  const last = entries.at(-1)
  if (found.length <= limit || last === undefined) return { entries, headers: {} }
  const query = new URLSearchParams({ n: String(limit), last: nameOf(last) })
  return { entries, headers: { link: `<${path}?${query.toString()}>; rel="next"` } }
}
