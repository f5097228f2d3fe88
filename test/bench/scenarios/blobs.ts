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
    const largeSize = (bench.size === 'full' ? 512 : 16) * mebibyte
    const image = await smallImage(layout, { layerSizes: [mebibyte, largeSize] })
    await using registries = await startRegistries({ layout, image, repository, tag: 'v1' }, bench)
    const contenders: Contender<MeasureKey>[] = []
    for (const registry of registries.all) contenders.push(await contenderOf(registry, image.layers, bench))
    return await interleave(contenders, measures, bench)
  },
}

type LoadKey = 'small' | 'one' | 'many'
type MeasureKey = `${LoadKey}${'Rate' | 'Cpu'}`

const measures: Record<MeasureKey, Measure> = {
  smallRate: { what: `1 MiB, ${readers} readers`, unit: 'MiB/s', better: 'more' },
  smallCpu: { what: `1 MiB, ${readers} readers: CPU of the server`, unit: 's/GiB', better: 'less' },
  oneRate: { what: '512 MiB, 1 reader', unit: 'MiB/s', better: 'more' },
  oneCpu: { what: '512 MiB, 1 reader: CPU of the server', unit: 's/GiB', better: 'less' },
  manyRate: { what: `512 MiB, ${readers} readers`, unit: 'MiB/s', better: 'more' },
  manyCpu: { what: `512 MiB, ${readers} readers: CPU of the server`, unit: 's/GiB', better: 'less' },
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
      const [few, one, many] = [await load(small, readers), await load(large, 1), await load(large, readers)]
      return {
        smallRate: few.rate,
        smallCpu: few.cpu,
        oneRate: one.rate,
        oneCpu: one.cpu,
        manyRate: many.rate,
        manyCpu: many.cpu,
      }
    },
  }
}

function secondsOf({ size }: Pick<Bench, 'size'>): number {
  return size === 'full' ? 3 : 0.3
}
