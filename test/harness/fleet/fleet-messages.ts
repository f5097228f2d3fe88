import * as z from 'zod'

const orderSchema = z.discriminatedUnion('do', [
  z.object({ do: z.literal('standing') }),
  /** Lets the first so many nodes lose their link. */
  z.object({ do: z.literal('leave'), count: z.number() }),
  /** Lets all whose link is away come back. */
  z.object({ do: z.literal('return') }),
  /** An image that cannot be brought in on any node from now on; none if absent. */
  z.object({ do: z.literal('break'), name: z.string().optional() }),
])

/** What a fleet is told on its standard input, one JSON document a line. */
export const fleetRequestSchema = z.object({ id: z.number(), order: orderSchema })
export type FleetOrder = z.infer<typeof orderSchema>

/** Nodes that were told the same. Times are epoch milliseconds. */
const toldSchema = z.object({
  /** Digests of the sets, joined by blanks. */
  sets: z.string(),
  nodes: z.number(),
  firstAt: z.number(),
  lastAt: z.number(),
})

/** What it answers on its standard output. */
export const fleetAnswerSchema = z.object({
  id: z.number(),
  nodes: z.number(),
  running: z.number(),
  /** How many reports were delivered so far, and how many came to nothing. */
  reports: z.number(),
  lost: z.number(),
  told: z.array(toldSchema),
})
export type FleetStanding = Omit<z.infer<typeof fleetAnswerSchema>, 'id'>

export const fleetOptionsSchema = z.object({
  /** URL of the centre. */
  central: z.string(),
  /** How its nodes' names begin, and the value of their common label. */
  name: z.string(),
  nodes: z.number(),
  /** In which all of them come, in milliseconds. */
  spreadMs: z.number(),
  fetchMs: z.number(),
  contactEveryMs: z.number(),
})
export type FleetOptions = z.infer<typeof fleetOptionsSchema>
