import * as z from 'zod'
import type { ObjectInfo } from '../object-store.ts'
import { faultCodes, type FaultCode } from '../../oci/fault.ts'

// The words between a mirror that serves its objects and those who keep theirs in it.

/** Everything of it lies below this path. */
export const objectsPath = '/objects/v1'

export const headers = {
  /** In every answer: the life of the process that gives it. What it remembers of requests ends with it. */
  boot: 'stowage-boot',
  /** Names a request that writes: sent again after a lost answer, it is not carried out again. */
  request: 'stowage-request',
  /** Where the appended bytes begin. */
  offset: 'stowage-offset',
  /** Last write, epoch milliseconds. */
  changedAt: 'stowage-changed-at',
  /** Entity tag and key of an object: only while it is that is anything written. */
  fence: 'stowage-fence',
} as const

/** An object that is put at once, and a piece that is appended, has at most so many bytes. */
export const largestBody: number = 16 * 1024 * 1024

/** A page of a list has at most so many objects. */
export const largestPage = 10_000

export const objectInfoSchema: z.ZodType<ObjectInfo> = z.object({
  key: z.string(),
  size: z.number().int().nonnegative(),
  etag: z.string(),
  changedAt: z.number(),
})

/** Of a page so many bytes may be content of its objects. */
export const mostBrought: number = 2 * 1024 * 1024

/** `content` is in base64. */
const listedSchema: z.ZodType<ObjectInfo & { readonly content?: string | undefined }> = z.intersection(
  objectInfoSchema,
  z.object({ content: z.string().optional() }),
)

export const pageSchema = z.object({ objects: z.array(listedSchema), more: z.boolean() })

export const uploadsSchema = z.object({
  uploads: z.array(z.object({ id: z.string(), size: z.number().int().nonnegative(), changedAt: z.number() })),
})

export const uploadSchema = z.object({ size: z.number().int().nonnegative() })

export const publishedSchema = z.object({ result: z.enum(['created', 'exists']) })

/** The status of a refusal; what has no body is told by it alone. */
export const statusOfFault: Readonly<Record<FaultCode, number>> = {
  invalid: 400,
  'not-found': 404,
  denied: 403,
  unavailable: 503,
  corrupt: 422,
  'no-space': 507,
  conflict: 409,
}

/** Why not; `size` is what an upload has, where that is the reason or was changed. */
export const refusalSchema = z.object({
  fault: z.enum(faultCodes),
  message: z.string(),
  size: z.number().int().nonnegative().optional(),
  /** What the operating system of the mirror calls it, such as EIO: a disk that fails to give these bytes may give others. */
  errno: z.string().max(32).optional(),
  /** The object that the request named as its fence is another one by now. */
  isFenced: z.boolean().optional(),
})
export type RefusalBody = z.infer<typeof refusalSchema>

/** The field of an entity tag (RFC 9110, 8.8.3). */
export function quoted(etag: string): string {
  return `"${etag}"`
}

export function unquoted(field: string): string {
  return field.replace(/^"(.*)"$/, '$1')
}
