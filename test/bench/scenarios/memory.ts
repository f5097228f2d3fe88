import { rm } from 'node:fs/promises'
import path from 'node:path'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { startDockerRegistry } from '../../harness/docker-registry.ts'
import { machinePlatform } from '../../harness/machine-platform.ts'
import { pushLayout } from '../../harness/push-layout.ts'
import { createOciLayout } from '../../image-maker/oci-layout.ts'
import { smallImage } from '../../image-maker/small-image.ts'
import type { Bench, Measured, Scenario } from '../scenario.ts'
import { bringImage, type Journey } from './bring-image.ts'

/** What a centre and an agent take of their machines. */
export const memory: Scenario = {
  name: 'memory',
  what: 'a 1 GB image of 4 layers on its way from a docker-registry to a centre, and from there to a node, as fast as loopback is',
  parts: ['docker-registry'],
  rounds: 3,

  async run(bench) {
    const [upstream, stage] = [path.join(bench.directory, 'upstream'), path.join(bench.directory, 'stage')]
    const root = await fill(upstream, bench)
    const journeys: Journey[] = []
    for (let round = 1; round <= bench.rounds; round++) {
      bench.signal.throwIfAborted()
      bench.say(`round ${round} of ${bench.rounds}`)
      journeys.push(await bringImage({ ...bench, upstream, stage, root }))
      await rm(stage, { recursive: true })
    }
    return rows.map(({ what, unit, of, besides }) => ({
      what,
      unit,
      better: 'less',
      figures: new Map([
        ['stowage', journeys.map(of)],
        ...(besides ? [['docker-registry', journeys.map(besides)] satisfies [string, number[]]] : []),
      ]),
    }))
  },
}

interface Row extends Pick<Measured, 'what' | 'unit'> {
  readonly of: (journey: Journey) => number
  /** What docker-registry takes for the same. */
  readonly besides?: (journey: Journey) => number
}

const mebibytes = (bytes: number): number => bytes / 1024 / 1024

const rows: readonly Row[] = [
  {
    what: 'centre: RSS, idle after its start',
    unit: 'MiB',
    of: ({ idleBefore }) => mebibytes(idleBefore.centre.resident),
    besides: ({ idleBefore }) => mebibytes(idleBefore.registry.resident),
  },
  {
    what: 'centre: RssAnon of that',
    unit: 'MiB',
    of: ({ idleBefore }) => mebibytes(idleBefore.centre.anonymous),
    besides: ({ idleBefore }) => mebibytes(idleBefore.registry.anonymous),
  },
  {
    what: 'centre: peak RSS while it fetches',
    unit: 'MiB',
    of: ({ toCentre }) => mebibytes(toCentre.usage.centre.memory.peak),
  },
  {
    what: 'centre: peak RSS while it serves',
    unit: 'MiB',
    of: ({ toNode }) => mebibytes(toNode.usage.centre.memory.peak),
    besides: ({ toCentre }) => mebibytes(toCentre.usage.registry.memory.peak),
  },
  {
    what: 'centre: RSS, idle afterwards',
    unit: 'MiB',
    of: ({ idleAfter }) => mebibytes(idleAfter.centre.resident),
    besides: ({ idleAfter }) => mebibytes(idleAfter.registry.resident),
  },
  {
    what: 'agent: RSS, idle after its start',
    unit: 'MiB',
    of: ({ idleBefore }) => mebibytes(idleBefore.agent.resident),
  },
  { what: 'agent: RssAnon of that', unit: 'MiB', of: ({ idleBefore }) => mebibytes(idleBefore.agent.anonymous) },
  {
    what: 'agent: peak RSS while it fetches',
    unit: 'MiB',
    of: ({ toNode }) => mebibytes(toNode.usage.agent.memory.peak),
  },
  { what: 'agent: RSS, idle afterwards', unit: 'MiB', of: ({ idleAfter }) => mebibytes(idleAfter.agent.resident) },
  { what: 'centre: CPU to fetch 1 GB', unit: 's', of: ({ toCentre }) => toCentre.usage.centre.cpuSeconds },
  {
    what: 'centre: CPU to serve 1 GB',
    unit: 's',
    of: ({ toNode }) => toNode.usage.centre.cpuSeconds,
    besides: ({ toCentre }) => toCentre.usage.registry.cpuSeconds,
  },
  { what: 'agent: CPU to fetch 1 GB', unit: 's', of: ({ toNode }) => toNode.usage.agent.cpuSeconds },
  { what: 'from the wish to the mirror', unit: 's', of: ({ toCentre }) => toCentre.seconds },
  { what: 'from the mirror to the node', unit: 's', of: ({ toNode }) => toNode.seconds },
]

/** Puts the image into a registry that is not running any more when it is to be measured. */
async function fill(upstream: string, { directory, size }: Pick<Bench, 'directory' | 'size'>): Promise<Descriptor> {
  const layout = await createOciLayout(path.join(directory, 'layout'))
  const layerSize = size === 'full' ? 250_000_000 : 2_000_000
  const layerSizes = Array.from({ length: 4 }, () => layerSize)
  const { manifest } = await smallImage(layout, { layerSizes, platform: machinePlatform })
  await using registry = await startDockerRegistry({ directory: upstream, isForSpeed: true })
  await pushLayout({ layout, target: manifest, registry: registry.url, repository: 'bench', tag: 'v1' })
  return manifest
}
