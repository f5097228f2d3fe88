import type { CutPlan, PlannedCut } from '../link/link-protocol.ts'
import type { StartLinkOptions } from '../link/start-link.ts'
import type { DemoSize } from './demo-options.ts'

/** One edge node of the demo: where it is and what its link is like. */
export interface SitePlan {
  readonly name: string
  readonly place: 'land' | 'sea'
  readonly link: Omit<StartLinkOptions, 'upstream'>
  readonly cuts: CutPlan
}

/** The label that says where a node is; the second image list selects by it. */
export const placeLabel = 'place'

/** Whose agent is killed in mid-transfer. */
export const killedSite = 'ship'

/** The node that has no link at all. A bundle of a cache holds all its lists: so it gets what nodes on land get. */
export const island = { name: 'island', place: 'land' } as const

const MB = 1_000_000

/** Cuts are counted in bytes, so that a slow machine sees as many of them as a fast one. */
const cuts = {
  shop: [
    { mode: 'silence', afterDownBytes: 9 * MB, durationMs: 700 },
    { mode: 'reset', afterDownBytes: 12 * MB, durationMs: 400 },
    { mode: 'silence', afterDownBytes: 15 * MB, durationMs: 1200 },
    { mode: 'reset', afterDownBytes: 7 * MB, durationMs: 500 },
  ],
  ship: [
    { mode: 'reset', afterDownBytes: 7 * MB, durationMs: 900 },
    { mode: 'silence', afterDownBytes: 11 * MB, durationMs: 600 },
    { mode: 'reset', afterDownBytes: 5 * MB, durationMs: 300 },
  ],
  clinic: [
    { mode: 'silence', afterDownBytes: 10 * MB, durationMs: 500 },
    { mode: 'reset', afterDownBytes: 8 * MB, durationMs: 300 },
    { mode: 'silence', afterDownBytes: 14 * MB, durationMs: 800 },
    // As behind a router that restarted: whoever does not notice the silence waits for ever.
    { mode: 'silence', afterDownBytes: 12 * MB, durationMs: 300, forget: true },
    { mode: 'reset', afterDownBytes: 16 * MB, durationMs: 600 },
    { mode: 'silence', afterDownBytes: 9 * MB, durationMs: 400 },
    { mode: 'reset', afterDownBytes: 13 * MB, durationMs: 500 },
    { mode: 'silence', afterDownBytes: 15 * MB, durationMs: 900 },
    { mode: 'reset', afterDownBytes: 11 * MB, durationMs: 300 },
    { mode: 'silence', afterDownBytes: 12 * MB, durationMs: 600 },
  ],
} as const satisfies Record<string, readonly PlannedCut[]>

const sites: readonly SitePlan[] = [
  {
    name: 'shop',
    place: 'land',
    link: { rate: 8 * MB, upRate: 1 * MB, delayMs: 15, jitterMs: 5, seed: 1 },
    cuts: { cuts: [...cuts.shop], repeat: true },
  },
  {
    name: killedSite,
    place: 'sea',
    link: { rate: 6.5 * MB, upRate: 0.5 * MB, delayMs: 60, jitterMs: 25, seed: 2 },
    cuts: { cuts: [...cuts.ship], repeat: true },
  },
  {
    name: 'clinic',
    place: 'land',
    link: { rate: 6 * MB, upRate: 1 * MB, delayMs: 25, jitterMs: 10, seed: 3 },
    cuts: { cuts: [...cuts.clinic], repeat: true },
  },
]

/** The three nodes behind links. For small images the links are thinner, and cut after fewer bytes. */
export function planSites(size: DemoSize): readonly SitePlan[] {
  return size === 'full' ? sites : sites.map((site) => forSmallImages(site))
}

function forSmallImages({ link, cuts: { cuts: planned, ...plan }, ...site }: SitePlan): SitePlan {
  const { rate = Infinity, upRate = Infinity } = link
  return {
    ...site,
    link: { ...link, rate: rate / 4, upRate: upRate / 4 },
    cuts: {
      ...plan,
      cuts: planned.map(({ afterDownBytes = 0, durationMs, ...cut }) => ({
        ...cut,
        afterDownBytes: Math.round(afterDownBytes / 8),
        durationMs: durationMs / 4,
      })),
    },
  }
}
