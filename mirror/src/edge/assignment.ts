import * as z from 'zod'
import { digestSchema } from '../oci/descriptor.ts'
import { Fault } from '../oci/fault.ts'
import { transferSchema } from './transfer.ts'

/** What becomes of a cache's images on the nodes when the whole cache is gone. */
export const removalSchema = z.enum(['keep', 'remove'])
export type Removal = z.infer<typeof removalSchema>

const entrySchema = z.object({
  cache: z.object({ namespace: z.string(), name: z.string(), uid: z.string() }),
  /** Index of the image list in the cache's `cacheSpec`. */
  list: z.number().int().min(0),
  /** The set of that list; null tells a node that it no longer is to have it. */
  set: digestSchema.nullable(),
  /** What the node does with the images when this entry's cache is gone from a later assignment. */
  removal: removalSchema,
  /** Which sets' images are brought first: those of the highest number. 0 if absent. */
  priority: z.number().int().optional(),
  /** Whether the images are held against the runtime's own collection; so they are if this is absent. */
  pin: z.boolean().optional(),
  /** When and how fast the bytes of the images may come; anything goes if this is absent. */
  transfer: transferSchema.optional(),
})

const headSchema = z.object({
  version: z.literal(1),
  node: z.string(),
  /** Changes only when the centre has lost its memory: sequences of different epochs cannot be compared. */
  epoch: z.string().min(1),
  /** Grows with every change of the assignment. */
  sequence: z.number().int().min(0),
})

export const assignmentSchema = headSchema.extend({ entries: z.array(entrySchema) })

/** What only a later version understands must be there still when that version comes, as nobody sends it again. */
const keepingSchema = headSchema.loose().extend({ entries: z.array(entrySchema.loose()) })

/** What one node is to have: names of sets, small, the same for every transport. */
export type Assignment = z.infer<typeof assignmentSchema>
export type AssignmentEntry = z.infer<typeof entrySchema>

/**
 * Reads an assignment that came from the network or a disk; fields that are not known here stay in it.
 * @throws Fault invalid
 */
export function parseAssignment(json: unknown): Assignment {
  const result = keepingSchema.safeParse(json)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new Fault('invalid', `assignment: ${issue?.path.join('.')}: ${issue?.message}`)
}

/** Which assignment a node knows: `epoch/sequence`, also its ETag. */
export function versionOf({ epoch, sequence }: Pick<Assignment, 'epoch' | 'sequence'>): string {
  return `${epoch}/${sequence}`
}
