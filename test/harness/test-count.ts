/** How often a test does what it does at random: few times, unless a variable of the environment says otherwise. */
export function testCount(variable: `STOWAGE_${string}`, few: number): number {
  const given = process.env[variable]
  if (given === undefined) return few
  const count = Number(given)
  if (!Number.isInteger(count) || count < 1) throw new Error(`${variable}=${given} is not a number from 1 on`)
  return count
}
