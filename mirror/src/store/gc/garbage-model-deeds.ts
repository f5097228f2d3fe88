import fc from 'fast-check'
import { deedKinds, type Deed } from './garbage-model.ts'

const few = fc.nat({ max: 11 })
const deed = fc.record({
  kind: fc.constantFrom(...deedKinds),
  replica: fc.nat({ max: 1 }),
  repository: fc.nat({ max: 2 }),
  image: few,
  other: few,
  tag: fc.nat({ max: 3 }),
})

/** So many random deeds; the same ones for a seed. For tests. */
export function deedsOf(seed: number, length: number): Deed[] {
  return fc.sample(deed, { seed, numRuns: length })
}
