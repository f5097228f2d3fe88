import { parseReference } from '@stowage/mirror/oci/reference'
import type { Want } from './plan-wants.ts'

export interface AdmitInput {
  /** In the order of their turn. */
  readonly due: readonly Want[]
  /** Names of images that are under way. */
  readonly inFlight: Iterable<string>
  /** How many may be under way. */
  readonly most: number
}

/**
 * Which of those that are due begin now. A registry of which nothing is under way has one begun beyond `most`, up to twice as many in
 * all: others that hang, or give a byte a minute, do not keep its images waiting.
 */
export function admitFlights({ due, inFlight, most }: AdmitInput): Want[] {
  const registries = [...inFlight].map((name) => parseReference(name).registry)
  const admitted: Want[] = []
  for (const want of due) {
    const { registry } = want.reference
    const isFirst = !registries.includes(registry)
    if (registries.length >= (isFirst ? 2 * most : most)) continue
    registries.push(registry)
    admitted.push(want)
  }
  return admitted
}
