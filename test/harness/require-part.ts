import { describe, it } from 'vitest'
import { parts, type PartName } from './parts.ts'
import { requiredParts } from './required-parts.ts'

/** What the reporter reads from a test that was skipped because a part is missing. */
export interface MissingPart {
  part: PartName
  reason: string
  enable: string
}

declare module 'vitest' {
  interface TaskMeta {
    missingPart?: MissingPart
  }
}

type Describe = (name: string, body: () => void) => void

/**
 * A `describe` whose tests need the named parts. If one is missing they are skipped, and the end of the run says so;
 * if `STOWAGE_REQUIRE` names that part, there is one failing test in their place.
 *
 *     requirePart('docker-registry', 'skopeo')('an image behind a cut link', () => { it(…) })
 */
export function requirePart(...names: [PartName, ...PartName[]]): Describe {
  const required = requiredParts(process.env['STOWAGE_REQUIRE'])
  const missing = names.map(missingPartOf).filter((part) => part !== undefined)
  const mustNotMiss = missing.find(({ part }) => required.has(part))
  if (mustNotMiss) return (name) => failing(name, mustNotMiss)
  const [missingPart] = missing
  return missingPart
    ? (name, body) => describe(name, { skip: true, meta: { missingPart } }, body)
    : (name, body) => describe(name, body)
}

function missingPartOf(part: PartName): MissingPart | undefined {
  const reason = parts[part].missing()
  return reason ? { part, reason, enable: parts[part].enable } : undefined
}

function failing(name: string, { part, reason, enable }: MissingPart): void {
  describe(name, () => {
    it(`has ${part}`, () => {
      throw new Error(`STOWAGE_REQUIRE asks for ${part}: ${reason}; enable with: ${enable}`)
    })
  })
}
