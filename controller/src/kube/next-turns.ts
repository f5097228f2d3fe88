export interface TurnsOptions {
  /** Who had the last turn before. */
  readonly after: string | undefined
  readonly most: number
}

export interface Turns<T> {
  readonly turns: readonly T[]
  readonly isMore: boolean
}

/** Who of many has a turn now: those behind the last one, in order of their names, and then from the beginning again. */
export function nextTurns<T extends { readonly name: string }>(
  all: readonly T[],
  { after, most }: TurnsOptions,
): Turns<T> {
  if (all.length <= most) return { turns: all, isMore: false }
  const sorted = all.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  const first =
    after === undefined
      ? 0
      : Math.max(
          0,
          sorted.findIndex(({ name }) => name > after),
        )
  return { turns: [...sorted.slice(first), ...sorted.slice(0, first)].slice(0, most), isMore: true }
}
