import { isFault } from '@stowage/mirror/oci/fault'
import type { Platform } from '@stowage/mirror/oci/platform'
import { bundleToIsland } from './bundle-to-island.ts'
import { startCast, type CastSite } from './cast.ts'
import { checkNode } from './check-node.ts'
import { DemoFailure, Interrupted } from './demo-failure.ts'
import type { DemoOptions } from './demo-options.ts'
import { firstVersion } from './first-version.ts'
import { makeSource } from './make-source.ts'
import { nameSource } from './name-source.ts'
import { secondVersion } from './second-version.ts'
import { planSites } from './site-plan.ts'
import type { SiteResult } from './site-result.ts'
import type { Stage } from './stage.ts'

export interface PlayOptions {
  readonly stage: Stage
  readonly options: Exclude<DemoOptions, { kind: 'help' }>
  /** Milliseconds since the demo began. */
  readonly elapsedMs: () => number
}

/** How it went. */
export interface Played {
  /** What each node went through. */
  readonly results: readonly SiteResult[]
  /** Where the images are, for people. */
  readonly runtimes: string
}

/** Without a byte for so long nothing will come any more; a registry far away may need its time to feed the centre. */
const patienceMs = { made: 90_000, named: 900_000 } as const

/**
 * Plays the whole story.
 * @throws DemoFailure that names the step; the reason of the stage's signal
 */
export async function play({ stage, options, elapsedMs }: PlayOptions): Promise<Played> {
  const platform: Platform = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' }
  const patience = { patienceMs: patienceMs[options.kind] }
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      throw failureOf(name, error, stage.signal)
    }
  }
  const source = await step('images', () =>
    options.kind === 'made'
      ? makeSource(stage, { size: options.size, platform })
      : nameSource(stage, { ...options, platform }),
  )
  const plans = planSites(options.kind === 'made' ? options.size : 'full')
  await using cast = await step('start of the centre and the nodes', () =>
    startCast({ stage, source, plans, runtime: options.runtime, elapsedMs }),
  )
  const { view } = cast
  view.phase('Version 1 goes to three nodes behind bad links')
  await step('version 1', () => firstVersion(cast, patience))
  view.phase('Version 2 replaces version 1: only what changed crosses the links')
  await step('version 2', () => secondVersion(cast, patience))
  view.phase('A file is carried to a node without a link')
  const island = await step('bundle', () => bundleToIsland(cast))
  view.phase('Every byte on every node is read and checked')
  const imageBytes = await step('final check', async () => {
    const [imageBytes] = await Promise.all([island, ...cast.sites].map((node) => checkNode(source, node)))
    return imageBytes!
  })
  const sites = await Promise.all(cast.sites.map(siteResult))
  const results = [...sites, { name: island.name, imageBytes, kills: 0, tookMs: [island.tookMs] }]
  return { results, runtimes: cast.runtimes.words }
}

async function siteResult(site: CastSite): Promise<SiteResult> {
  const { cuts, total } = await site.link.stats()
  const { downBytes, upBytes, blobBytes } = total
  return {
    name: site.name,
    link: { downBytes, upBytes, blobBytes, cuts },
    imageBytes: site.arrivals.bytesSeen(),
    kills: site.kills(),
    tookMs: site.tookMs,
  }
}

/** Whoever waits hears only that it was aborted; the signal's reason says why. */
function failureOf(step: string, thrown: unknown, signal: AbortSignal): unknown {
  const error: unknown = signal.aborted ? signal.reason : thrown
  if (error instanceof Interrupted) return error
  if (error instanceof DemoFailure) return new DemoFailure(`${step}: ${error.message}`, error)
  if (isFault(error)) return new DemoFailure(`${step}: ${error.message}`, { cause: error.cause })
  return new DemoFailure(`${step}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
}
