/** Whether two lists hold the very same things, in the same order. */
export function sameItems<T>(some: readonly T[], others: readonly T[]): boolean {
  return some === others || (some.length === others.length && some.every((item, index) => item === others[index]))
}
