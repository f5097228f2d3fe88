import { Fault } from '../../oci/fault.ts'

/** Users, and the bcrypt hashes of their passwords. */
export type PasswordHashes = ReadonlyMap<string, string>

const bcryptGrammar = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/
/** 2^14 rounds take about a second: more would let one login stand in the way of all others. */
const costs = { least: 4, most: 14 }

/**
 * Reads what `htpasswd -B` writes: `NAME:HASH` a line, comments behind `#`. Only bcrypt is taken.
 * @throws Fault invalid, with the number of the line and never what stands in it but for the name
 */
export function parseHtpasswd(text: string): PasswordHashes {
  const hashes = new Map<string, string>()
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const [name, hash] = parseLine(line, index + 1)
    if (hashes.has(name)) throw wrong(index + 1, `the user "${name}" is there twice`)
    hashes.set(name, hash)
  }
  return hashes
}

/** How often a hash makes its password be hashed, as a power of two. */
export function costOf(hash: string): number {
  return Number(bcryptGrammar.exec(hash)?.[1])
}

function parseLine(line: string, number: number): [name: string, hash: string] {
  const colon = line.indexOf(':')
  if (colon <= 0) throw wrong(number, 'it is not NAME:HASH')
  const name = line.slice(0, colon)
  const hash = line.slice(colon + 1)
  const cost = costOf(hash)
  if (!(cost >= costs.least)) throw wrong(number, `the hash of "${name}" is not of bcrypt; make it with: htpasswd -B`)
  if (cost > costs.most) throw wrong(number, `the hash of "${name}" has a cost of ${cost}; the most is ${costs.most}`)
  return [name, hash]
}

function wrong(line: number, why: string): Fault {
  return new Fault('invalid', `line ${line}: ${why}`)
}
