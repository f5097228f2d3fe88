import type { Bench, Measure, Measured } from './scenario.ts'

/** Who takes part in a comparison. */
export interface Contender<Key extends string> {
  readonly name: string
  /** Measures once; a measure that does not apply to this contender is left out, in every round. */
  readonly measure: () => Promise<Readonly<Partial<Record<Key, number>>>>
}

/**
 * Lets all contenders measure once per round, one after the other, each time another one first: whatever else goes on in
 * the machine meets them alike.
 */
export async function interleave<Key extends string>(
  contenders: readonly Contender<Key>[],
  measures: Readonly<Record<Key, Measure>>,
  { rounds, signal, say }: Pick<Bench, 'rounds' | 'signal' | 'say'>,
): Promise<Measured[]> {
  const keys = Object.keys(measures) as Key[]
  const figures = new Map(keys.map((key) => [key, new Map<string, number[]>()]))
  for (let round = 0; round < rounds; round++) {
    for (const at of contenders.keys()) {
      const { name, measure } = contenders[(at + round) % contenders.length]!
      signal.throwIfAborted()
      say(`round ${round + 1} of ${rounds}: ${name}`)
      const found = await measure()
      for (const key of keys) {
        const figure = found[key]
        if (figure !== undefined) append(figures.get(key)!, name, figure)
      }
    }
  }
  const inOrder = (byName: ReadonlyMap<string, number[]>): Map<string, number[]> =>
    new Map(contenders.flatMap(({ name }) => (byName.has(name) ? [[name, byName.get(name)!]] : [])))
  return keys.map((key) => ({ ...measures[key], figures: inOrder(figures.get(key)!) }))
}

function append(figures: Map<string, number[]>, name: string, figure: number): void {
  const known = figures.get(name)
  if (known) known.push(figure)
  else figures.set(name, [figure])
}
