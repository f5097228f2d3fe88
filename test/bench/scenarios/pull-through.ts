import path from 'node:path'
import { startDockerRegistry, type DockerRegistry } from '../../harness/docker-registry.ts'
import { createPrograms } from '../../harness/programs.ts'
import { pushLayout } from '../../harness/push-layout.ts'
import type { MadeImage } from '../../image-maker/make-image.ts'
import { createOciLayout } from '../../image-maker/oci-layout.ts'
import { smallImage } from '../../image-maker/small-image.ts'
import { interleave, type Contender } from '../interleave.ts'
import { timeFirstBytes, type BodyTimes } from '../load/time-first-bytes.ts'
import { startStowage } from '../registries/start-stowage.ts'
import { median } from '../report/figures.ts'
import type { Bench, Measure, Measured, Scenario } from '../scenario.ts'

const repository = 'bench'
const mebibyte = 1024 * 1024

/** What a client waits for when the mirror has to ask upstream first. */
export const pullThrough: Scenario = {
  name: 'pull-through',
  what: 'GET of an image that the mirror does not have from it, and from the docker-registry that it asks: 20 blobs of 4 MiB, one after the other',
  parts: ['docker-registry'],
  rounds: 5,

  async run(bench) {
    const directory = path.join(bench.directory, 'upstream')
    await using upstream = await startDockerRegistry({ directory, launcher: bench.cores.load, isForSpeed: true })
    await using programs = createPrograms()
    const flags = ['--upstream', upstream.host]
    const mirror = await startStowage(path.join(bench.directory, 'stowage'), { ...bench, programs, flags })
    const images = await pushImages(upstream, bench)
    const through = `${mirror.url}/v2/${upstream.host}/${repository}`
    const contenders = [
      contenderOf('stowage', { url: through, images }, bench),
      contenderOf('docker-registry', { url: `${upstream.url}/v2/${repository}`, images }, bench),
    ]
    return withDifference(await interleave(contenders, measures, bench))
  },
}

type MeasureKey = 'manifest' | 'first' | 'slowest' | 'last'

const measures: Record<MeasureKey, Measure> = {
  manifest: { what: 'manifest by its tag: first byte', unit: 'ms', better: 'less' },
  first: { what: 'blob: first byte, median', unit: 'ms', better: 'less' },
  slowest: { what: 'blob: first byte, slowest of 20', unit: 'ms', better: 'less' },
  last: { what: 'blob: last byte, median', unit: 'ms', better: 'less' },
}

/** An image for each round, as one that was asked for is here the next time; upstream has looked each up once. */
async function pushImages(upstream: DockerRegistry, { directory, rounds, size }: Bench): Promise<MadeImage[]> {
  const layout = await createOciLayout(path.join(directory, 'layout'))
  const layerSizes = Array.from({ length: 20 }, () => (size === 'full' ? 4 * mebibyte : 50_000))
  const images: MadeImage[] = []
  for (let round = 0; round < rounds; round++) {
    const image = await smallImage(layout, { layerSizes, seed: `${round}` })
    await pushLayout({ layout, target: image.manifest, registry: upstream.url, repository, tag: `v${round}` })
    for (const { digest } of image.layers) {
      await fetch(`${upstream.url}/v2/${repository}/blobs/${digest}`, { method: 'HEAD' })
    }
    images.push(image)
  }
  return images
}

function contenderOf(
  name: string,
  { url, images }: { readonly url: string; readonly images: readonly MadeImage[] },
  bench: Bench,
): Contender<MeasureKey> {
  let round = 0
  return {
    name,
    async measure() {
      const urls = images[round]!.layers.map(({ digest }) => `${url}/blobs/${digest}`)
      const [manifest, ...blobs] = await timeFirstBytes([`${url}/manifests/v${round}`, ...urls], bench)
      round++
      const of = (time: keyof BodyTimes): number[] => blobs.map((times) => times[time])
      const first = of('firstMs')
      return {
        manifest: manifest!.firstMs,
        first: median(first),
        slowest: Math.max(...first),
        last: median(of('lastMs')),
      }
    },
  }
}

function withDifference(measured: readonly Measured[]): Measured[] {
  const row = measured.find(({ what }) => what === measures.first.what)
  const [through = [], direct = []] = [...(row?.figures.values() ?? [])]
  const added = through.map((ms, round) => ms - direct[round]!)
  const what = 'blob: first byte, what the mirror adds to the median'
  return [...measured, { what, unit: 'ms', better: 'less', figures: new Map([['stowage', added]]) }]
}
