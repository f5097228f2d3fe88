import * as z from 'zod'
import { countsSchema } from '../../link/link-protocol.ts'

const wireShapeSchema = z.strictObject({
  /** Of IP packets; null is no limit. */
  bitsPerSecond: z.number().positive().nullable().optional(),
  /** One way. */
  delayMs: z.number().min(0).optional(),
  /** Added to the delay, evenly from 0 to this; the order of packets is kept. */
  jitterMs: z.number().min(0).optional(),
  /** Of the packets, each for itself. */
  lossPercent: z.number().min(0).max(100).optional(),
  /** What may wait for the line. */
  queueBytes: z.number().min(0).optional(),
})

/** How the link carries packets both ways, and what differs of one way. What is left out stays as it was. */
export const emulatedShapeSchema = wireShapeSchema.extend({
  /** Towards the node. */
  down: wireShapeSchema.optional(),
  up: wireShapeSchema.optional(),
})

export type EmulatedShape = z.infer<typeof emulatedShapeSchema>

/** IP packets with their headers. */
const tallySchema = z.object({ packets: z.number(), bytes: z.number() })

/** What became of the packets of one direction: sent = arrived + lost + dropped + cut + under way. */
const wireStatsSchema = z.object({
  /** By the end, into the link. */
  sent: tallySchema,
  /** Handed to the other end. */
  arrived: tallySchema,
  /** By `lossPercent`. */
  lost: tallySchema,
  /** Because the queue was full. */
  dropped: tallySchema,
  /** Vanished because the link was cut: while it was, at that moment, or of a forgotten connection. */
  cut: tallySchema,
  /** RST in the name of the other end; not among `arrived`. */
  resets: tallySchema,
})

export type WireStats = z.infer<typeof wireStatsSchema>

export const emulatedLinkStatsSchema = z.object({
  state: z.enum(['up', 'silence', 'reset']),
  /** How often it went from up to down. */
  cuts: z.number(),
  /** Planned cuts that are still to come; null: without end. */
  plannedCuts: z.number().nullable(),
  openConnections: z.number(),
  down: wireStatsSchema,
  up: wireStatsSchema,
  /**
   * What the connections carried, in bytes of TCP payload: each byte once, when its first packet leaves the sending
   * side, whatever becomes of the packet. So `blobBytes` is what left the centre's side for the node: what a cut
   * swallowed is among them, what TCP sent again or still waited in the buffers of a server is not. Bodies count only
   * for connections that the node's side opened.
   */
  payload: countsSchema,
  /**
   * Of the bytes towards the node in `payload`: those that were in flight when their connection broke off, by RST of
   * whichever end or by a cut that resets or forgets it. In flight is what the node had not acknowledged.
   */
  unacknowledgedBytes: z.number(),
})

export type EmulatedLinkStats = z.infer<typeof emulatedLinkStatsSchema>
