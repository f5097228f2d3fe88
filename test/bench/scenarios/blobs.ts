import path from 'node:path'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { createOciLayout } from '../../image-maker/oci-layout.ts'
import { smallImage } from '../../image-maker/small-image.ts'
import { checkAnswer } from '../check-answer.ts'
import { interleave, type Contender } from '../interleave.ts'
import { loadBlob } from '../load/load-blob.ts'
import { cpuSecondsOf } from '../machine/process-usage.ts'
import type { Registry } from '../registries/registry.ts'
import { startRegistries } from '../registries/start-registries.ts'
import type { Bench, Measure, Scenario } from '../scenario.ts'

const repository = 'bench'
const mebibyte = 1024 * 1024
const readers = 8

/** GET of blobs that are in the page cache: what the server can do, not the disk. */
export const blobs: Scenario = {
  name: 'blobs',
  what: `GET of blobs from the page cache, on 1 or ${readers} connections that ask again and again`,
  parts: ['docker-registry'],
  rounds: 5,

  async run(bench) {
    const layout = await createOciLayout(path.join(bench.directory, 'layout'))
    const largeSize = (bench.size === 'full' ? 1024 : 16) * mebibyte
    const image = await smallImage(layout, { layerSizes: [mebibyte, largeSize] })
    await using registries = await startRegistries({ layout, image, repository, tag: 'v1' }, bench)
    const contenders: Contender<MeasureKey>[] = []
    for (const registry of registries.all) contenders.push(await contenderOf(registry, image.layers, bench))
    return await interleave(contenders, measures, bench)
  },
}

type LoadKey = 'smallOne' | 'smallMany' | 'largeOne' | 'largeMany'
type MeasureKey = `${LoadKey}${'Rate' | 'Cpu'}`

const measures: Record<MeasureKey, Measure> = {
  ...measuresOf('smallOne', '1 MiB, 1 reader'),
  ...measuresOf('smallMany', `1 MiB, ${readers} readers`),
  ...measuresOf('largeOne', '1 GiB, 1 reader'),
  ...measuresOf('largeMany', `1 GiB, ${readers} readers`),
}

function measuresOf<Key extends LoadKey>(key: Key, what: string): Record<`${Key}${'Rate' | 'Cpu'}`, Measure> {
  return {
    [`${key}Rate`]: { what, unit: 'MiB/s', better: 'more' },
    [`${key}Cpu`]: { what: `${what}: CPU of the server`, unit: 's/GiB', better: 'less' },
  } as Record<`${Key}${'Rate' | 'Cpu'}`, Measure>
}

async function contenderOf(
  { name, url, pid }: Registry,
  layers: readonly Descriptor[],
  bench: Bench,
): Promise<Contender<MeasureKey>> {
  const [small, large] = layers.map(({ digest }) => `${url}/v2/${repository}/blobs/${digest}`) as [string, string]
  for (const layer of layers) await checkAnswer(`${url}/v2/${repository}/blobs/${layer.digest}`, layer)

  async function load(target: string, connections: number): Promise<{ rate: number; cpu: number }> {
    const before = await cpuSecondsOf(pid)
    const { bytes, seconds } = await loadBlob({ url: target, connections, seconds: secondsOf(bench) }, bench)
    const cpuSeconds = (await cpuSecondsOf(pid)) - before
    return { rate: bytes / mebibyte / seconds, cpu: (cpuSeconds / bytes) * 1024 * mebibyte }
  }
  await load(small, readers) // Nobody is measured cold.
  return {
    name,
    async measure() {
      const [smallOne, smallMany] = [await load(small, 1), await load(small, readers)]
      const [largeOne, largeMany] = [await load(large, 1), await load(large, readers)]
      return {
        smallOneRate: smallOne.rate,
        smallOneCpu: smallOne.cpu,
        smallManyRate: smallMany.rate,
        smallManyCpu: smallMany.cpu,
        largeOneRate: largeOne.rate,
        largeOneCpu: largeOne.cpu,
        largeManyRate: largeMany.rate,
        largeManyCpu: largeMany.cpu,
      }
    },
  }
}

function secondsOf({ size }: Pick<Bench, 'size'>): number {
  return size === 'full' ? 3 : 0.3
}
