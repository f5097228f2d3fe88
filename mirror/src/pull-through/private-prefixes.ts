import * as z from 'zod'
import type { ObjectStore } from '../store/object-store.ts'
import { createRecords } from '../store/records.ts'

/** Of an upstream: where its content lies, and whether that is for everybody. */
export interface PrefixPrivacy {
  readonly prefix: string
  readonly isPrivate: boolean
  /** Somebody said that it is for everybody, whatever it was before. */
  readonly isMeantForAll: boolean
}

/**
 * Finds out below which prefixes lies what was fetched with a credential. That is written down: it holds too when the upstream is
 * not asked any more, or without credentials, until somebody says that its content is meant for all.
 */
export async function openPrivatePrefixes(
  objects: ObjectStore,
  upstreams: readonly PrefixPrivacy[],
): Promise<readonly string[]> {
  const records = createRecords(objects, { prefix: 'pull-through/private/', schema: z.strictObject({}) })
  for (const { prefix, isPrivate, isMeantForAll } of upstreams) {
    if (isMeantForAll) await records.delete(prefix)
    if (isPrivate) await records.update(prefix, () => ({}))
  }
  return (await Array.fromAsync(records.list())).map(({ name }) => name)
}
