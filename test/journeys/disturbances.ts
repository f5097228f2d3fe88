import { seededRandom } from '../link/seeded-random.ts'

/**
 * What befalls a transfer. `reset` and `silence` end by themselves; `forget` is a silence after which the connections
 * stay dead; `overdue` lasts until the centre has noticed; the others are SIGKILLs.
 */
const disturbanceKinds = [
  'reset',
  'silence',
  'forget',
  'overdue',
  'kill-agent',
  'kill-agent-in-silence',
  'kill-centre',
] as const

export type DisturbanceKind = (typeof disturbanceKinds)[number]

export interface Disturbance {
  readonly kind: DisturbanceKind
  /** Once the link has carried so many bytes of blobs. */
  readonly atBytes: number
  /** Of a cut. */
  readonly durationMs: number
}

export interface DisturbancesOptions {
  readonly seed: number
  /** How often what happens. */
  readonly counts: Readonly<Partial<Record<DisturbanceKind, number>>>
  /** Bytes of blobs between which all of it happens. */
  readonly from: number
  readonly to: number
}

/** All of them, in an order and at places that the seed decides. */
export function planDisturbances({ seed, counts, from, to }: DisturbancesOptions): Disturbance[] {
  const random = seededRandom(seed)
  const kinds = disturbanceKinds.flatMap((kind) =>
    Array.from({ length: counts[kind] ?? 0 }, () => ({ kind, rank: random() })),
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
