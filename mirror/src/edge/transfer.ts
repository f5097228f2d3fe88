import * as z from 'zod'

/** As they are written in a window; the week begins where JavaScript's does not: on Monday. */
export const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const

/** A time of day as clocks on walls show it. */
export const timeOfDayPattern = '^(?:[01][0-9]|2[0-3]):[0-5][0-9]$'

/** Stands for the time zone that a node itself is set to. */
export const localTimeZone = 'Local'

const timeOfDaySchema = z.string().regex(new RegExp(timeOfDayPattern))

/**
 * A span of the day that comes again: from `start` up to `end`, which is one of the day after if it is not later. It is open
 * when a clock on the wall shows a time in it, so that one hour more or less in spring and autumn changes nothing of that.
 */
export const transferWindowSchema = z.object({
  /** On which days it begins; on all if there are none. */
  days: z.array(z.enum(weekdays)).optional(),
  start: timeOfDaySchema,
  end: timeOfDaySchema,
  /** A name of the IANA database, or `Local`; UTC if it is absent. */
  timeZone: z.string().optional(),
})
export type TransferWindow = z.infer<typeof transferWindowSchema>

/** When and how fast a node may fetch what a cache wants. Bytes of layers are meant: documents are small, and disks no link. */
export const transferSchema = z.object({
  /** At most, on one node. */
  bytesPerSecond: z.number().min(1).optional(),
  /** Always if there are none. */
  windows: z.array(transferWindowSchema).optional(),
})
export type Transfer = z.infer<typeof transferSchema>

/** Whether this machine knows a zone by this name. */
export function isTimeZone(name: string): boolean {
  try {
    void new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}
