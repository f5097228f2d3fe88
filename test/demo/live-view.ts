import { setTimeout as delay } from 'node:timers/promises'
import type { ImageView } from '@stowage/controller/operator-api/views'
import type { LinkStats } from '../link/link-protocol.ts'
import type { Centre } from './centre.ts'
import type { DemoView, ImageLine, NodeBlock } from './demo-view.ts'
import { createRateWindow, type RateWindow } from './rate-window.ts'
import type { Site } from './site.ts'
import type { Stage } from './stage.ts'

export interface LiveViewOptions {
  readonly stage: Stage
  readonly centre: Centre
  readonly sites: readonly Site[]
  /** Short names of images by the names that runtimes know. */
  readonly labels: ReadonlyMap<string, string>
  readonly elapsedMs: () => number
}

/** Keeps the screen up to date until it is disposed. */
export interface LiveView extends AsyncDisposable {
  /** What the demo is doing, for the title. */
  phase(text: string): void
  /** What the centre has said of a node's images for long enough to believe it. */
  troubleOf(node: string): Trouble | undefined
}

export interface Trouble {
  readonly message: string
  /** It will not mend itself. */
  readonly isFinal: boolean
}

/** A failure that stands for so long is one. */
const finalAfterMs = 20_000
const everyMs = 250
/** The agents report once a second: asking more often tells nothing new. */
const looksPerAsking = 3

export function startLiveView({ stage, centre, sites, labels, elapsedMs }: LiveViewOptions): LiveView {
  const { screen, signal } = stage
  const stop = new AbortController()
  const rates = new Map(sites.map((site) => [site.name, createRateWindow(2000)]))
  const cutsNoted = new Map<string, number>()
  let phase = ''
  let rows: readonly ImageView[] = []
  let failedSince = new Map<string, number>()

  async function look(round: number): Promise<DemoView> {
    const stats = await Promise.all(sites.map(({ link }) => link.stats()))
    if (round % looksPerAsking === 0) {
      rows = (await centre.images()) ?? rows
      const failed = rows.filter(({ state }) => state === 'failed').map((row) => `${row.node} ${row.name}`)
      failedSince = new Map(failed.map((key) => [key, failedSince.get(key) ?? elapsedMs()]))
    }
    const nodes = sites.map((site, at) =>
      nodeBlock(site, { stats: stats[at]!, rows, labels, rate: rates.get(site.name)!, atMs: elapsedMs() }),
    )
    return { phase, elapsedMs: elapsedMs(), isCentreUp: centre.isUp(), nodes }
  }

  function noteCuts({ nodes }: DemoView): void {
    for (const { name, cuts, link } of nodes) {
      if (cuts > (cutsNoted.get(name) ?? 0)) screen.note(`${name}: cut ${cuts}${link === 'up' ? '' : ` (${link})`}`)
      cutsNoted.set(name, cuts)
    }
  }

  async function goOn(): Promise<void> {
    for (let round = 0; !stop.signal.aborted && !signal.aborted; round += 1) {
      const view = await look(round)
      if (stop.signal.aborted) return
      noteCuts(view)
      screen.show(view)
      await delay(everyMs, undefined, { signal: stop.signal }).catch(() => undefined) // Woken up to end.
    }
  }

  const going = goOn().catch((error: unknown) => stage.fail(error))
  return {
    phase: (text) => void (phase = text),
    troubleOf(node) {
      const row = rows.find((candidate) => candidate.node === node && candidate.message !== '')
      if (!row) return undefined
      const since = failedSince.get(`${node} ${row.name}`)
      return { message: row.message, isFinal: since !== undefined && elapsedMs() - since > finalAfterMs }
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await going
      screen.clear()
    },
  }
}

interface NodeSight {
  readonly stats: LinkStats
  readonly rows: readonly ImageView[]
  readonly labels: ReadonlyMap<string, string>
  readonly rate: RateWindow
  readonly atMs: number
}

function nodeBlock(site: Site, { stats, rows, labels, rate, atMs }: NodeSight): NodeBlock {
  return {
    name: site.name,
    link: stats.state,
    cuts: stats.cuts,
    downBytes: stats.total.downBytes,
    bytesPerSecond: rate.add(atMs, stats.total.downBytes),
    agent: site.isRunning() ? 'running' : 'killed',
    images: rows
      .filter(({ node }) => node === site.name)
      .map((row): ImageLine => ({ ...row, label: labels.get(row.name) ?? row.image })),
  }
}
