import { randomInt } from 'node:crypto'

/** A seed that differs with each run and is printed; `STOWAGE_SEED` repeats one. */
export function testSeed(what: string): number {
  const given = process.env['STOWAGE_SEED']
  const seed = given === undefined ? randomInt(2 ** 31) : Number(given)
  console.log(`${what}: STOWAGE_SEED=${seed}`)
  return seed
}
