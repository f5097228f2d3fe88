import path from 'node:path'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { createOciLayout } from '../../image-maker/oci-layout.ts'
import { smallImage } from '../../image-maker/small-image.ts'
import { checkAnswer } from '../check-answer.ts'
import { interleave, type Contender } from '../interleave.ts'
import { runWrk } from '../load/run-wrk.ts'
import { cpuSecondsOf } from '../machine/process-usage.ts'
import type { Registry } from '../registries/registry.ts'
import { startRegistries } from '../registries/start-registries.ts'
import type { Bench, Measure, Scenario } from '../scenario.ts'

const [repository, tag, connections] = ['bench', 'v1', 32]
const layers = 12

/** GET of a manifest, as nodes that all start at once ask for it. */
export const manifests: Scenario = {
  name: 'manifests',
  what: `GET of a manifest with ${layers} layers, wrk with ${connections} connections on one thread`,
  parts: ['docker-registry', 'wrk'],
  rounds: 5,

  async run(bench) {
    const layout = await createOciLayout(path.join(bench.directory, 'layout'))
    const image = await smallImage(layout, { layerSizes: Array.from({ length: layers }, () => 1000) })
    await using registries = await startRegistries({ layout, image, repository, tag }, bench)
    const contenders: Contender<MeasureKey>[] = []
    for (const registry of registries.all) contenders.push(await contenderOf(registry, image.manifest, bench))
    return await interleave(contenders, measures, bench)
  },
}

type MeasureKey = `${'digest' | 'tag'}${'Rate' | 'Cpu'}`

const measures: Record<MeasureKey, Measure> = {
  digestRate: { what: 'by digest', unit: 'requests/s', better: 'more' },
  digestCpu: { what: 'by digest: CPU of the server', unit: 'µs/request', better: 'less' },
  tagRate: { what: 'by tag', unit: 'requests/s', better: 'more' },
  tagCpu: { what: 'by tag: CPU of the server', unit: 'µs/request', better: 'less' },
}

async function contenderOf(
  { name, url, pid }: Registry,
  manifest: Descriptor,
  bench: Bench,
): Promise<Contender<MeasureKey>> {
  const headers = { accept: manifest.mediaType }
  const [byDigest, byTag] = [manifest.digest, tag].map((word) => `${url}/v2/${repository}/manifests/${word}`) as [
    string,
    string,
  ]
  async function ask(target: string, seconds: number): Promise<{ rate: number; cpu: number }> {
    const before = await cpuSecondsOf(pid)
    const { requests, requestsPerSecond } = await runWrk({ url: target, connections, seconds, headers }, bench)
    return { rate: requestsPerSecond, cpu: (((await cpuSecondsOf(pid)) - before) / requests) * 1e6 }
  }
  for (const target of [byDigest, byTag]) {
    await checkAnswer(target, manifest, headers)
    if (bench.size === 'full') await ask(target, 1) // Nobody is measured cold.
  }
  const seconds = bench.size === 'full' ? 4 : 1
  return {
    name,
    async measure() {
      const [digest, tagged] = [await ask(byDigest, seconds), await ask(byTag, seconds)]
      return { digestRate: digest.rate, digestCpu: digest.cpu, tagRate: tagged.rate, tagCpu: tagged.cpu }
    },
  }
}
