import { setTimeout as delay } from 'node:timers/promises'
import { formatBytes, formatDuration } from 'stowage/print/format'
import { wishedFor, type Cast, type CastSite } from './cast.ts'
import { killedSite } from './site-plan.ts'
import { untilEach } from './until-each.ts'

export interface VersionOptions {
  readonly patienceMs: number
}

/** Waits for version 1 on all nodes, while an agent and the centre are killed in mid-transfer. */
export async function firstVersion(cast: Cast, { patienceMs }: VersionOptions): Promise<void> {
  const { stage, source, sites } = cast
  const ship = sites.find(({ name }) => name === killedSite)!
  const last = sites.findLast(({ name }) => name !== killedSite)!
  await Promise.all([
    untilEach(cast, {
      what: `got ${source.v1.label}`,
      look: (site) => site.arrivals.have(wishedFor(source, source.v1, site)),
      async onThere(site, tookMs) {
        site.tookMs.push(tookMs)
        stage.screen.say(`${site.name} has ${source.v1.label}, every byte checked, after ${formatDuration(tookMs)}`)
      },
      patienceMs,
    }),
    killAgent(cast, ship),
    crashCentre(cast, last),
  ])
}

async function killAgent(cast: Cast, site: CastSite): Promise<void> {
  const { screen, signal } = cast.stage
  const came = await untilShare(cast, site, 0.4)
  await site.kill()
  screen.say(`${site.name}: the agent is killed (SIGKILL) after ${formatBytes(came)} came`)
  await delay(1500, undefined, { signal })
  site.restart()
  screen.say(`${site.name}: a new agent starts on what the old one left on disk`)
}

async function crashCentre(cast: Cast, site: CastSite): Promise<void> {
  const { screen } = cast.stage
  await untilShare(cast, site, 0.7)
  screen.say('the centre is killed (SIGKILL)')
  await cast.centre.crash({ awayMs: 1000 })
  screen.say('the centre is back, and knows what it knew')
}

/** Waits until so much of version 1 has crossed a node's link; returns the bytes of blobs. */
async function untilShare({ stage, centre, source }: Cast, site: CastSite, share: number): Promise<number> {
  for (;;) {
    const row = (await centre.images())?.find(
      ({ node, name }) => node === site.name && name === source.v1.expected.name,
    )
    const { blobBytes } = (await site.link.stats()).total
    // An image so small that nobody saw it under way is there already.
    if (row?.state === 'present' || (row?.bytesTotal && blobBytes >= share * row.bytesTotal)) return blobBytes
    await delay(100, undefined, { signal: stage.signal })
  }
}
