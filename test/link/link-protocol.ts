import * as z from 'zod'

const bytesPerSecond = z.number().positive().nullable()
const milliseconds = z.number().min(0)

/** How the link carries bytes. What is left out stays as it was; a rate of null is no limit. */
export const shapeSchema = z.strictObject({
  /** Towards the node; all connections share it. */
  downBytesPerSecond: bytesPerSecond.optional(),
  upBytesPerSecond: bytesPerSecond.optional(),
  /** One way, for both ways. */
  delayMs: milliseconds.optional(),
  /** Added to the delay, evenly from 0 to this; the order of bytes is kept. */
  jitterMs: milliseconds.optional(),
})

export type LinkShape = z.infer<typeof shapeSchema>

/**
 * `silence`: nothing moves and nobody is told; what was under way goes on when the link is up again, as TCP does.
 * `reset`: every connection ends with RST, and so does each new one at once; what was under way is lost.
 */
export const cutModeSchema = z.enum(['silence', 'reset'])

export type CutMode = z.infer<typeof cutModeSchema>

export const cutSchema = z.strictObject({
  mode: cutModeSchema,
  /** Then the link comes up by itself; left out: it stays down until `up`. */
  durationMs: milliseconds.optional(),
  /**
   * With `silence`: the connections of the moment stay silent for ever, also when the link is up again, as behind a
   * router that restarted and forgot them. Only a time-out of the node's own ends them.
   */
  forget: z.boolean().optional(),
})

export type Cut = z.infer<typeof cutSchema>

/** A cut and when it comes, counted from when the link was last up; with both, what comes first. */
export const plannedCutSchema = cutSchema.extend({
  /** Cut between this byte towards the node and the next. */
  afterDownBytes: z.number().int().min(0).optional(),
  afterMs: milliseconds.optional(),
  /** A planned cut must end by itself. */
  durationMs: milliseconds,
})

export type PlannedCut = z.infer<typeof plannedCutSchema>

export const cutPlanSchema = z.strictObject({
  cuts: z.array(plannedCutSchema),
  /** Begins again after the last one. */
  repeat: z.boolean().optional(),
})

export type CutPlan = z.infer<typeof cutPlanSchema>

const bodySchema = z.object({ responses: z.number(), bytes: z.number() })

/**
 * What crossed, in bytes of TCP payload. A byte has crossed towards the node when the proxy handed it to the kernel for
 * the node's socket (upwards: for the upstream's); bytes still in a queue or in the delay line have not. After a RST or
 * a kill the kernel may have held up to a socket buffer of them that the program never read, so these counts are never
 * too low. Handshakes, acknowledgements and what TCP sends again are not seen.
 */
export const countsSchema = z.object({
  downBytes: z.number(),
  upBytes: z.number(),
  connections: z.number(),
  /** Body bytes of 200 and 206 answers to GET of `/v2/…/blobs/…`, without headers and chunk framing, broken off or not. */
  blobBytes: z.number(),
  /** The same by digest. */
  blobs: z.record(z.string(), bodySchema),
  /** Bodies of all answers by `METHOD /path`, queries left out; after 1000 paths the rest is under `other`. */
  bodies: z.record(z.string(), bodySchema),
  /** Connections that did not speak HTTP/1.1 in the clear: their bytes count, but belong to no path. */
  unreadable: z.number(),
})

export type LinkCounts = z.infer<typeof countsSchema>

export const statsSchema = z.object({
  state: z.enum(['up', 'silence', 'reset']),
  /** How often it went from up to down. */
  cuts: z.number(),
  /** Planned cuts that are still to come; null: without end. */
  plannedCuts: z.number().nullable(),
  openConnections: z.number(),
  total: countsSchema,
  /** Since `resetCounters`. */
  sinceReset: countsSchema,
})

export type LinkStats = z.infer<typeof statsSchema>
