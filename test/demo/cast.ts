import type { Arrivals } from './arrivals.ts'
import { startCentre, type Centre } from './centre.ts'
import type { DemoSource, WishedImage } from './demo-source.ts'
import { startLiveView, type LiveView } from './live-view.ts'
import { createContents } from './runtime/contents.ts'
import type { NodeRuntimes, RuntimeKind } from './runtime/node-runtime.ts'
import { openRuntimes } from './runtime/open-runtimes.ts'
import { island, type SitePlan } from './site-plan.ts'
import { startSite, type Site } from './site.ts'
import type { Stage } from './stage.ts'

/** A node behind its link, and what was found in its runtime. */
export interface CastSite extends Site {
  readonly arrivals: Arrivals
  /** How long each version took, in milliseconds. */
  readonly tookMs: number[]
}

/** Who takes part: the centre, and three nodes behind links. */
export interface Cast extends AsyncDisposable {
  readonly stage: Stage
  readonly source: DemoSource
  readonly centre: Centre
  readonly sites: readonly CastSite[]
  readonly runtimes: NodeRuntimes
  readonly view: LiveView
}

export interface CastOptions {
  readonly stage: Stage
  readonly source: DemoSource
  readonly plans: readonly SitePlan[]
  /** Undefined: whatever is best here. */
  readonly runtime: RuntimeKind | undefined
  readonly elapsedMs: () => number
}

/** Starts them all; the centre already wishes for the first version. */
export async function startCast({ stage, source, plans, runtime, elapsedMs }: CastOptions): Promise<Cast> {
  await using starting = new AsyncDisposableStack()
  const centre = await startCentre(stage)
  const contentOf = createContents({ centre: centre.url, signal: stage.signal })
  const nodes = [...plans, island].map(({ name }) => name)
  const runtimes = await openRuntimes({ stage, wish: runtime, nodes, contentOf })
  stage.screen.say(`${nodes.join(', ')} keep their images in ${runtimes.words}`)
  stage.screen.say(`wished for: ${source.v1.label} on all nodes${landWish(source, plans)}`)
  await centre.wish({ everywhere: source.v1.reference, onLand: source.onLand?.reference })
  const sites = await allOrNone(
    plans.map(async (plan): Promise<CastSite> => {
      const place = { plan, centre: centre.url, runtime: runtimes.of(plan.name) }
      const site = starting.use(await startSite(stage, place))
      return { ...site, arrivals: site.runtime.watch(), tookMs: [] }
    }),
  )
  const labels = new Map(wishedImages(source).map(({ expected, label }) => [expected.name, label]))
  const view = starting.use(startLiveView({ stage, centre, sites, labels, elapsedMs }))
  const cast = starting.move()
  return { stage, source, centre, sites, runtimes, view, [Symbol.asyncDispose]: () => cast.disposeAsync() }
}

/** Like Promise.all, but a failure is told only when the others have ended too, so that what they made can be closed. */
async function allOrNone<T>(works: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(works)
  return Promise.all(works)
}

/** What a node is to have while this version is wished for. */
export function wishedFor(
  { onLand }: DemoSource,
  version: WishedImage,
  { place }: Pick<SitePlan, 'place'>,
): readonly WishedImage[] {
  return onLand && place === 'land' ? [version, onLand] : [version]
}

function landWish({ onLand }: DemoSource, plans: readonly SitePlan[]): string {
  const names = plans.filter(({ place }) => place === 'land').map(({ name }) => name)
  return onLand ? `, and ${onLand.label} on those with place=land: ${names.join(' and ')}` : ''
}

function wishedImages({ v1, v2, onLand }: DemoSource): readonly WishedImage[] {
  return onLand ? [v1, v2, onLand] : [v1, v2]
}
