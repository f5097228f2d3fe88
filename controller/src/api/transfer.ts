import { isTimeZone, localTimeZone, timeOfDayPattern, weekdays, type Transfer } from '@stowage/mirror/edge/transfer'
import { Fault } from '@stowage/mirror/oci/fault'
import * as z from 'zod'
import { parseRate, ratePattern, slowestRate } from './rate.ts'
import { textSchema } from './text-schema.ts'

/** More than anybody needs; bounds what an API server has to check. */
const mostWindows = 20

const timeOfDaySchema = textSchema(
  (text) => {
    if (!new RegExp(timeOfDayPattern).test(text)) {
      throw new Fault('invalid', `"${text}" is not a time of day; write 00:00 to 23:59`)
    }
  },
  { pattern: timeOfDayPattern },
)

const timeZoneSchema = textSchema(
  (text) => {
    if (text !== localTimeZone && !isTimeZone(text)) {
      throw new Fault('invalid', `"${text}" is not a time zone; write Europe/Berlin, UTC, or ${localTimeZone}`)
    }
  },
  { pattern: '^[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*$' },
)

const windowSchema = z.strictObject({
  days: z
    .array(z.enum(weekdays))
    .meta({ 'x-kubernetes-list-type': 'set' })
    .nullish()
    .describe('On which days it begins. Empty or absent: on all.'),
  start: timeOfDaySchema.describe('When it opens, as HH:MM.'),
  end: timeOfDaySchema.describe('When it closes, as HH:MM; on the day after, if that is not later than start.'),
  timeZone: timeZoneSchema
    .nullish()
    .describe(
      'Where clocks show these times: Europe/Berlin, for instance, or Local for what each node itself is set to. ' +
        'UTC if absent.',
    ),
})

const rateWords = { error: `is neither a number of bytes per second, ${slowestRate} or more, nor a text such as 500Ki` }
const rateSchema = z
  .union([
    z.number(rateWords).int(rateWords).min(slowestRate, rateWords),
    textSchema(parseRate, { pattern: ratePattern }),
  ])
  .meta({ 'x-kubernetes-int-or-string': true, minimum: slowestRate, pattern: ratePattern })

/** `transfer` of an ImageCache. */
export const transferSpecSchema = z.strictObject({
  rate: rateSchema
    .nullish()
    .describe(
      'Most bytes per second that each node fetches for this ImageCache: 500Ki, 2Mi, 10M. Bytes, not bits: ' +
        'a tenth of a link of 10 Mbit/s is 125k. No limit if absent.',
    ),
  windows: z
    .array(windowSchema)
    .max(mostWindows)
    .nullish()
    .describe(
      'When nodes may fetch layers. Empty or absent: always. What is half there when a window closes goes on later.',
    ),
})

/** Fills in a checked one; undefined if it says nothing. */
export function toTransfer(spec: z.infer<typeof transferSpecSchema> | null | undefined): Transfer | undefined {
  const { rate, windows } = spec ?? {}
  const bytesPerSecond = typeof rate === 'string' ? parseRate(rate) : rate
  if (!bytesPerSecond && !windows?.length) return undefined
  return {
    ...(bytesPerSecond && { bytesPerSecond }),
    ...(windows?.length && {
      windows: windows.map(({ days, start, end, timeZone }) => ({
        ...(days?.length && { days }),
        start,
        end,
        ...(timeZone && { timeZone }),
      })),
    }),
  }
}
