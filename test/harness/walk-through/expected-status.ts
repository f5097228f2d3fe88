import { expect } from 'vitest'

export interface EndOfStep {
  readonly reason: string
  readonly message: string
  readonly generation: number
  /** The names that each node is to have; all nodes are selected. */
  readonly wanted: readonly (readonly string[])[]
}

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
const bytes = expect.any(Number)
const amount = String.raw`\d+(?:\.\d)? (?:B|kB|MB)`

/** The whole `.status` of an ImageCache of which everything was done; only times and bytes are told by their form. */
export function expectedStatus({ reason, message, generation, wanted }: EndOfStep): Record<string, unknown> {
  const [nodes, copies] = [wanted.length, wanted.flat().length]
  const condition = (type: string, why: string): object => ({
    type,
    status: 'True',
    reason: why,
    message: '',
    lastTransitionTime: time,
  })
  return {
    status: 'Succeeded',
    reason,
    message,
    startTime: time,
    completionTime: time,
    observedGeneration: generation,
    counts: {
      images: new Set(wanted.flat()).size,
      nodes: { matched: nodes, reachable: nodes, withoutAgent: 0, complete: nodes, failed: 0 },
      copies: { wanted: copies, present: copies, fetching: 0, waiting: 0, failed: 0 },
    },
    bytes: { wanted: bytes, present: bytes, unknown: 0 },
    conditions: [
      condition('Accepted', 'Valid'),
      condition('Resolved', 'Mirrored'),
      condition('Synced', 'Succeeded'),
      condition('AgentsPresent', 'AgentsPresent'),
    ],
    summary: {
      nodes: `${nodes}/${nodes}`,
      bytes: expect.stringMatching(new RegExp(`^${amount} of ${amount}$`)),
    },
  }
}
