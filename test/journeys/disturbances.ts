import { seededRandom } from '../link/seeded-random.ts'

/**
 * What befalls a transfer, and how often. `reset` and `silence` end by themselves; `forget` is a silence after which the connections
 * stay dead; `overdue` lasts until the centre has noticed; the others are SIGKILLs.
 */
export const disturbanceCounts = {
  reset: 5,
  silence: 2,
  forget: 1,
  overdue: 1,
  'kill-agent': 3,
  'kill-agent-in-silence': 3,
  'kill-centre': 1,
} as const

export type DisturbanceKind = keyof typeof disturbanceCounts

export interface Disturbance {
  readonly kind: DisturbanceKind
  /** Once the link has carried so many bytes of blobs. */
  readonly atBytes: number
  /** Of a cut. */
  readonly durationMs: number
}

export interface DisturbancesOptions {
  readonly seed: number
  /** Bytes of blobs between which all of it happens. */
  readonly from: number
  readonly to: number
}

/** All of them, in an order and at places that the seed decides. */
export function planDisturbances({ seed, from, to }: DisturbancesOptions): Disturbance[] {
  const random = seededRandom(seed)
  const kinds = Object.entries(disturbanceCounts).flatMap(([kind, count]) =>
    Array.from({ length: count }, () => ({ kind: kind as DisturbanceKind, rank: random() })),
  )
  const step = (to - from) / kinds.length
  return kinds
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ kind }, at) => ({
      kind,
      atBytes: Math.round(from + (at + 0.8 * random()) * step),
      durationMs: Math.round(200 + 1300 * random()),
    }))
}
