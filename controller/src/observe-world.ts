import { cacheKey } from './api/image-cache.ts'
import type { CentreMemory } from './memory/centre-memory.ts'
import { knownNodes } from './plan/known-node.ts'
import { heardBy, type Listening } from './plan/reachable.ts'
import type { Flight, World } from './plan/world.ts'
import type { SourceProblem, SourceState } from './sources/wish-source.ts'

export interface ObserveWorldInput {
  readonly memory: CentreMemory
  readonly source: SourceState
  readonly flights: ReadonlyMap<string, Flight>
  readonly listening: Listening
  /** Epoch milliseconds. */
  readonly now: number
}

/** All that is known at this moment. Caches that were never looked at by a step of the centre are not in it yet. */
export function observeWorld({ memory, source, flights, listening, now }: ObserveWorldInput): World {
  const { caches = [], nodes = [] } = source.wishes ?? source.remembered ?? {}
  return {
    epoch: memory.epoch,
    caches: caches.flatMap((cache) => {
      const record = memory.caches.all.get(cacheKey(cache))
      return record ? [{ cache, record }] : []
    }),
    nodes: knownNodes(
      memory.nodes.all.values().map((record) => heardBy(record, listening)),
      nodes,
    ),
    resolutions: memory.resolutions.all,
    assignments: memory.assignments.all,
    flights,
    notAccepted: new Map(
      source.problems.flatMap((problem) => problem.caches?.map((key) => [key, wordsOf(problem)] as const) ?? []),
    ),
    now,
  }
}

function wordsOf({ file, line, column, field, message }: SourceProblem): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  return `${place}: ${field ? `${field}: ` : ''}${message}; the version before stays in force`
}
