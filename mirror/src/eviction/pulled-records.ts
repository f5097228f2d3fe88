import type { Logger } from 'pino'
import * as z from 'zod'
import { digestSchema } from '../oci/descriptor.ts'
import { digestOf, hexOf } from '../oci/digest.ts'
import { createPace } from '../store/gc/pace.ts'
import { readRepositories } from '../store/gc/read-repositories.ts'
import type { ReadRepository } from '../store/gc/read-repository.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { createRecords, isDamagedRecord, type Records } from '../store/records.ts'

const useSchema = z.object({
  /** Epoch milliseconds. */
  usedAt: z.number(),
  /** When a tag that meant it came to mean something else, epoch milliseconds. */
  supersededAt: z.number().optional(),
  /** It came under a tag: that keeps it, and whoever takes the tag away wants it to go. */
  isTagged: z.boolean().optional(),
})

const recordSchema = z.object({
  version: z.literal(1),
  repository: z.string(),
  /** Tags that upstreams gave. */
  tags: z.array(z.string()),
  manifests: z.record(digestSchema, useSchema),
})
export type PulledRecord = z.infer<typeof recordSchema>

/** Names of repositories may be longer than those of records. */
export function recordNameOf(repository: string): string {
  return hexOf(digestOf(repository))
}

export interface PulledRecordsOptions {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Is told of repositories whose record was damaged. */
  readonly log?: Pick<Logger, 'warn'> | undefined
}

/**
 * What is written down of repositories that were pulled from. One that is damaged is made anew of what the repository has: all
 * of that counts as asked for just now, and its tags as given by somebody else than the upstream until that moves them.
 */
export function createPulledRecords(
  objects: ObjectStore,
  { now, log }: PulledRecordsOptions,
): Pick<Records<PulledRecord>, 'get' | 'look' | 'update' | 'delete' | 'list'> {
  const records = createRecords(objects, { prefix: 'pull-through/images/', schema: recordSchema })

  async function mended<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isDamagedRecord(error)) throw error
      await mend()
      return await work()
    }
  }

  async function mend(): Promise<void> {
    const damaged = new Map((await Array.fromAsync(records.damaged())).map(({ name, etag }) => [name, etag]))
    for await (const repository of readRepositories(objects, { pace: createPace({ restRatio: 0 }) })) {
      const name = recordNameOf(repository.name)
      const etag = damaged.get(name)
      if (etag === undefined) continue
      damaged.delete(name)
      await records.replace(name, etag, recordOf(repository))
      log?.warn({ repository: repository.name }, 'record of what was pulled damaged: all counts as asked for just now')
    }
    for (const [name, etag] of damaged) await records.delete(name, etag)
  }

  function recordOf({ name: repository, links }: ReadRepository): PulledRecord {
    const manifests = [...links].filter(([, { isManifest }]) => isManifest)
    const uses = manifests.map(([digest]) => [digest, { usedAt: now() }] as const)
    return { version: 1, repository, tags: [], manifests: Object.fromEntries(uses) }
  }

  return {
    get: (name) => mended(() => records.get(name)),
    look: (name) => mended(() => records.look(name)),
    update: (name, change) => mended(() => records.update(name, change)),
    delete: (name, etag) => records.delete(name, etag),

    async *list() {
      yield* await mended(() => Array.fromAsync(records.list()))
    },
  }
}
