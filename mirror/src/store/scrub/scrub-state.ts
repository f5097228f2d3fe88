import * as z from 'zod'
import type { ObjectStore } from '../object-store.ts'
import { createRecords, type Records } from '../records.ts'
import { scrubTallySchema } from './scrub-tally.ts'

const stateSchema = z.object({
  version: z.literal(1),
  /** Of the pass that is under way; null between two. */
  pass: z
    .object({
      /** Epoch milliseconds. */
      begunAt: z.number(),
      /** The key behind which it goes on. */
      after: z.string(),
      tally: scrubTallySchema,
      /** The process that works on it, and for how long nobody else does, epoch milliseconds. */
      owner: z.string(),
      until: z.number(),
    })
    .nullable(),
  /** The last one that came to its end. */
  last: z.object({ begunAt: z.number(), endedAt: z.number(), tally: scrubTallySchema }).nullable(),
})

/** How far the scrub of a store is, for all processes that share it. */
export type ScrubState = z.infer<typeof stateSchema>
export type ScrubPass = NonNullable<ScrubState['pass']>

export const stateName = 'state'

export function scrubStates(objects: ObjectStore): Records<ScrubState> {
  return createRecords(objects, { prefix: 'scrub/', schema: stateSchema })
}
