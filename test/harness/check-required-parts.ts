import { requiredParts } from './required-parts.ts'

/** Runs once before the journeys: a misspelt `STOWAGE_REQUIRE` must not pass for "nothing is required". */
export function setup(): void {
  requiredParts(process.env['STOWAGE_REQUIRE'])
}
