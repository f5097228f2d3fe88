import { cacheKey } from './api/image-cache.ts'
import type { CentreMemory } from './memory/centre-memory.ts'
import { createKnownNodes } from './plan/known-nodes.ts'
import type { Listening } from './plan/reachable.ts'
import type { Flight, World } from './plan/world.ts'
import type { SourceProblem, SourceState, Wishes } from './sources/wish-source.ts'

export interface Observed {
  readonly source: SourceState
  readonly flights: ReadonlyMap<string, Flight>
  readonly listening: Listening
  /** Epoch milliseconds. */
  readonly now: number
}

const nobody: Wishes['nodes'] = []

/**
 * Makes all that is known at one moment after the other. Caches that were never looked at by a step of the centre are not in
 * it yet.
 */
export function createWorldObserver(memory: CentreMemory): (input: Observed) => World {
  const knownNodes = createKnownNodes()
  return ({ source, flights, listening, now }) => {
    const { caches = [], nodes: declared = nobody } = source.wishes ?? source.remembered ?? {}
    return {
      epoch: memory.epoch,
      caches: caches.flatMap((cache) => {
        const record = memory.caches.all.get(cacheKey(cache))
        return record ? [{ cache, record }] : []
      }),
      nodes: knownNodes({ records: memory.nodes.all, declared, listening }),
      resolutions: memory.resolutions.all,
      assignments: memory.assignments.all,
      flights,
      notAccepted: new Map(
        source.problems.flatMap((problem) => problem.caches?.map((key) => [key, wordsOf(problem)] as const) ?? []),
      ),
      now,
    }
  }
}

function wordsOf({ file, line, column, field, message }: SourceProblem): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  return `${place}: ${field ? `${field}: ` : ''}${message}; the version before stays in force`
}
