import * as z from 'zod'

/** The centre itself. */
export const centreRecordSchema = z.object({
  version: z.literal(1),
  /** Made at the first start: sequences of assignments are comparable only within one epoch. */
  epoch: z.string().min(1),
})
