import { formatBytes, formatDuration } from 'stowage/print/format'
import { wishedFor, type Cast } from './cast.ts'
import type { VersionOptions } from './first-version.ts'
import { untilEach } from './until-each.ts'

/** Changes the wish to version 2, and waits until all nodes have it and none has version 1 any more. */
export async function secondVersion(cast: Cast, { patienceMs }: VersionOptions): Promise<void> {
  const { stage, source, centre, sites } = cast
  const { v1, v2, onLand } = source
  await Promise.all(sites.map(({ link }) => link.resetCounters()))
  stage.screen.say(`the wish changes: ${v2.label} instead of ${v1.label}`)
  await centre.wish({ everywhere: v2.reference, onLand: onLand?.reference })
  await untilEach(cast, {
    what: `got ${v2.label}`,
    look: (site) => site.arrivals.have(wishedFor(source, v2, site)),
    async onThere({ name, link, tookMs }, ms) {
      tookMs.push(ms)
      const { blobBytes } = (await link.stats()).sinceReset
      const crossed = `${formatBytes(blobBytes)} of layers crossed the link`
      stage.screen.say(`${name} has ${v2.label}, every byte checked, after ${formatDuration(ms)}: ${crossed}`)
    },
    patienceMs,
  })
  await untilEach(cast, { what: `got rid of ${v1.label}`, look: (site) => site.arrivals.isGone(v1), patienceMs })
  stage.screen.say(`${v1.label} has left the nodes`)
}
