import type { Measured } from '../scenario.ts'

/** How many times better the first contender is than another one: below 1 it is worse. */
export interface Advantage {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** @throws Error if there are none */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  if (low === undefined || high === undefined) throw new Error('no median of nothing')
  return (low + high) / 2
}

/**
 * Compares round by round, as the rounds met the same machine; undefined for the first contender itself, or where one of
 * the two has no figures.
 */
export function advantageOver(other: string, { better, figures }: Measured): Advantage | undefined {
  const [first] = figures
  const theirs = figures.get(other)
  if (!first || first[0] === other || !theirs) return undefined
  const ratios = first[1].map((ours, round) => {
    const their = theirs[round] ?? Number.NaN
    return better === 'more' ? ours / their : their / ours
  })
  return { median: median(ratios), least: Math.min(...ratios), most: Math.max(...ratios) }
}
