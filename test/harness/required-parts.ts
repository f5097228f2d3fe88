import { parts, type PartName } from './parts.ts'

const partNames = Object.keys(parts).toSorted() as PartName[]

/**
 * The parts whose absence is a failure, from the value of `STOWAGE_REQUIRE`: `all`, or names with commas between.
 * @throws Error that lists the known names if one is unknown
 */
export function requiredParts(value: string | undefined): ReadonlySet<PartName> {
  const words = (value ?? '')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
  const unknown = words.filter((word) => word !== 'all' && !isPartName(word))
  if (unknown.length > 0) {
    throw new Error(`STOWAGE_REQUIRE names no such part: ${unknown.join(', ')}; known are all, ${partNames.join(', ')}`)
  }
  return new Set(words.includes('all') ? partNames : words.filter(isPartName))
}

function isPartName(word: string): word is PartName {
  return Object.hasOwn(parts, word)
}
