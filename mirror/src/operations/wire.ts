import * as z from 'zod'
import { faultCodes } from '../oci/fault.ts'

// The words between a mirror that carries operations out and who asks for them: POST OPERATIONS_PATH/VERB with the options as
// a JSON document, answered by one JSON document a line: progress, now and then; at last a result or why there is none.

/** Everything of it lies below this path. */
export const operationsPath = '/ops/v1'

/** The media type of JSON documents with a line end behind each. */
export const linesType = 'application/x-ndjson'

/** So often at least something comes, in milliseconds: who hears nothing for several times as long may give up. */
export const beatMs = 10_000

/** Options have at most so many bytes. */
export const largestOptions: number = 64 * 1024

/** One line of an answer; none of these is a sign of life. */
export const lineSchema = z.object({
  progress: z.unknown().optional(),
  result: z.unknown().optional(),
  failure: z.object({ fault: z.enum(faultCodes), message: z.string() }).optional(),
})
export type OperationLine = z.input<typeof lineSchema>
