import * as z from 'zod'
import { digestOf, hexOf } from '../oci/digest.ts'
import { digestSchema } from '../oci/descriptor.ts'
import { Fault } from '../oci/fault.ts'
import type { ContentRoot } from './gc/content-root.ts'
import type { ObjectStore } from './object-store.ts'
import { createRecords, isDamagedRecord, type DamagedRecord, type RecordVersion } from './records.ts'

const holdSchema = z.object({
  version: z.literal(1),
  content: z.array(z.object({ repository: z.string(), digests: z.array(digestSchema) })),
  /** Epoch milliseconds; null for ever. */
  until: z.number().nullable(),
})
type Hold = z.infer<typeof holdSchema>

/** What is to stay though nothing in the store needs it (yet), under names; none of it need be there. */
export interface Holds {
  /** Takes a hold, or renews it, for so long, in milliseconds. */
  take(name: string, content: Hold['content'], forMs: number): Promise<void>
  release(name: string): Promise<void>
  /**
   * What is held now; with `isClockDoubtful` also what seems to have run out.
   * @throws Fault invalid: one is damaged, or another version wrote it, so that nobody knows what it keeps
   */
  held(options?: { readonly isClockDoubtful?: boolean }): AsyncIterable<ContentRoot>
  /** Takes those away that have run out. @throws Fault as `held` */
  expire(): Promise<void>
  /** Those that say nothing readable. */
  damaged(): AsyncIterable<DamagedRecord>
}

/** What was begun to be copied, and nobody went on with for so long, is given up, in milliseconds. */
export const copyHoldMs: number = 30 * 24 * 3600_000

/** Who copies the same again holds the same, in whatever process. */
export function copyHoldName(content: Hold['content']): string {
  return `copy-${hexOf(digestOf(JSON.stringify(content)))}`
}

export interface HoldsOptions {
  /** Epoch milliseconds. */
  readonly now: () => number
}

export function createHolds(objects: ObjectStore, { now }: HoldsOptions): Holds {
  const records = createRecords(objects, { prefix: 'holds/', schema: holdSchema })

  const hasRunOut = ({ until }: Hold): boolean => until !== null && until <= now()

  async function* readable(): AsyncGenerator<RecordVersion<Hold> & { readonly name: string }> {
    try {
      yield* records.list()
    } catch (cause) {
      if (!isDamagedRecord(cause)) throw cause
      const why = 'no garbage is collected, as a hold that cannot be read may keep anything'
      const advice = 'fsck finds one that is damaged, and takes it out of the way if it is told to repair'
      throw new Fault('invalid', `${why}: ${(cause as Error).message} (${advice})`, { cause })
    }
  }

  return {
    damaged: () => records.damaged(),

    async take(name, content, forMs) {
      await records.put(name, { version: 1, content, until: now() + forMs })
    },

    async release(name) {
      await records.delete(name)
    },

    async *held({ isClockDoubtful = false } = {}) {
      for await (const { value } of readable()) {
        if (hasRunOut(value) && !isClockDoubtful) continue
        for (const { repository, digests } of value.content) for (const digest of digests) yield { repository, digest }
      }
    },

    async expire() {
      for await (const { name, value, etag } of readable()) if (hasRunOut(value)) await records.delete(name, etag)
    },
  }
}
