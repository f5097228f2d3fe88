import path from 'node:path'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { eventually } from '../../harness/eventually.ts'
import { createOciLayout } from '../../image-maker/oci-layout.ts'
import { smallImage } from '../../image-maker/small-image.ts'
import { standStill } from '../load/stand-still.ts'
import { cpuSecondsOf, memoryOf } from '../machine/process-usage.ts'
import type { Registry } from '../registries/registry.ts'
import { startRegistries } from '../registries/start-registries.ts'
import type { Bench, Measured, Scenario } from '../scenario.ts'

const repository = 'bench'
const counts = { full: 1000, small: 20 } as const
const mebibyte = 1024 * 1024

/** What it takes to serve many nodes whose links are thin or cut. */
export const readers: Scenario = {
  name: 'readers',
  what: `${counts.full} nodes whose links stand still while each is in the middle of a blob of 64 MiB`,
  parts: ['docker-registry'],
  rounds: 3,

  async run(bench) {
    const layout = await createOciLayout(path.join(bench.directory, 'layout'))
    const image = await smallImage(layout, { layerSizes: [64 * mebibyte] })
    const before = new Map<string, number[]>()
    const meanwhile = new Map<string, number[]>()
    for (let round = 1; round <= bench.rounds; round++) {
      // Started anew: memory that was taken once is not given back.
      const directory = path.join(bench.directory, `${round}`)
      await using registries = await startRegistries({ layout, image, repository, tag: 'v1' }, { ...bench, directory })
      for (const registry of registries.all) {
        bench.say(`round ${round} of ${bench.rounds}: ${registry.name}`)
        append(before, registry.name, (await memoryOf(registry.pid)).resident / mebibyte)
        append(meanwhile, registry.name, await residentWith(registry, image.layers[0]!, bench))
      }
    }
    return [measured('RSS before, after a push of 64 MiB', before), measured('RSS meanwhile', meanwhile)]
  },
}

/** In MiB. */
async function residentWith({ url, pid }: Registry, blob: Descriptor, { size, signal }: Bench): Promise<number> {
  using _readers = await standStill(`${url}/v2/${repository}/blobs/${blob.digest}`, { count: counts[size], signal })
  let [last, rest] = [-1, 0]
  const isAtRest = async (): Promise<boolean> => {
    const now = await cpuSecondsOf(pid)
    rest = now - last < 0.02 ? rest + 1 : 0
    last = now
    return rest >= 5
  }
  await eventually(isAtRest, { what: `rest of ${url}`, everyMs: 200, withinMs: 60_000, signal })
  return (await memoryOf(pid)).resident / mebibyte
}

function append(figures: Map<string, number[]>, name: string, figure: number): void {
  figures.set(name, [...(figures.get(name) ?? []), figure])
}

function measured(what: string, figures: ReadonlyMap<string, readonly number[]>): Measured {
  return { what, unit: 'MiB', better: 'less', figures }
}
