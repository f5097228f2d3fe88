import { setTimeout as delay } from 'node:timers/promises'
import { formatDuration } from 'stowage/print/format'
import type { Cast, CastSite } from './cast.ts'
import { DemoFailure } from './demo-failure.ts'
import type { Trouble } from './live-view.ts'

export interface UntilEachOptions {
  /** What is waited for, as in "ship has not …". */
  readonly what: string
  /** Looks once, at one node. */
  readonly look: (site: CastSite) => Promise<boolean>
  /** Called when a node is there, with the milliseconds it took. */
  readonly onThere?: (site: CastSite, tookMs: number) => Promise<void>
  /** How long no byte of an image may cross a node's link before the demo is given up. */
  readonly patienceMs: number
}

const everyMs = 150

/**
 * Waits until it is so on every node.
 * @throws DemoFailure when the patience with one of them is over
 */
export async function untilEach(cast: Cast, options: UntilEachOptions): Promise<void> {
  await Promise.all(cast.sites.map((site) => untilOne(cast, site, options)))
}

async function untilOne({ stage, view }: Cast, site: CastSite, options: UntilEachOptions): Promise<void> {
  const { look, onThere, patienceMs } = options
  const startedAt = performance.now()
  let moved = { bytes: -1, atMs: startedAt }
  while (!(await look(site))) {
    await delay(everyMs, undefined, { signal: stage.signal })
    const { blobBytes } = (await site.link.stats()).total
    const now = performance.now()
    if (blobBytes !== moved.bytes) moved = { bytes: blobBytes, atMs: now }
    const trouble = view.troubleOf(site.name)
    if (trouble?.isFinal || now - moved.atMs > patienceMs) throw outOfPatience(site, { ...options, trouble })
  }
  await onThere?.(site, performance.now() - startedAt)
}

interface Impatience extends Pick<UntilEachOptions, 'what' | 'patienceMs'> {
  readonly trouble: Trouble | undefined
}

function outOfPatience({ name }: CastSite, { what, patienceMs, trouble }: Impatience): DemoFailure {
  const waited = trouble?.isFinal ? '' : `, and nothing moved for ${formatDuration(patienceMs)}`
  const said = trouble ? `; the centre says: ${trouble.message}` : ''
  return new DemoFailure(`${name} has not ${what}${waited}${said}`, { program: name })
}
