import * as z from 'zod'

const percentage = '^(?:100|[0-9]{1,2})%$'

const words = { error: 'is neither a number of nodes nor a share of them such as 10%' }

/** A number of nodes or a share of them, as `IntOrString` of Kubernetes. */
export const parallelismSchema = z
  .union([z.number(words).int(words).min(0, words), z.string(words).regex(new RegExp(percentage), words)], words)
  .meta({ 'x-kubernetes-int-or-string': true, minimum: 0, pattern: percentage })

/** How many nodes something may happen on at a time. */
export interface Parallelism {
  readonly unit: 'nodes' | 'percent'
  readonly value: number
}

/** Reads a checked one, if there is one. */
export function toParallelism(value: z.infer<typeof parallelismSchema> | null | undefined): Parallelism | undefined {
  if (value === null || value === undefined) return undefined
  return typeof value === 'number' ? { unit: 'nodes', value } : { unit: 'percent', value: Number.parseInt(value, 10) }
}

/** As people write it. */
export function formatParallelism({ unit, value }: Parallelism): string {
  return unit === 'percent' ? `${value}%` : String(value)
}

/** How many of this many nodes: a share is rounded up, so that only 0 stands still. */
export function nodesOf({ unit, value }: Parallelism, total: number): number {
  return unit === 'percent' ? Math.ceil((total * value) / 100) : value
}
