import { rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import * as z from 'zod'
import { startDockerRegistry } from '../../harness/docker-registry.ts'
import { pushLayout } from '../../harness/push-layout.ts'
import { sizeOf } from '../../image-maker/make-image.ts'
import { createOciLayout } from '../../image-maker/oci-layout.ts'
import { smallImage } from '../../image-maker/small-image.ts'
import { interleave, type Contender } from '../interleave.ts'
import { cpuSecondsOf } from '../machine/process-usage.ts'
import { timeCommand } from '../machine/timed-command.ts'
import type { Bench, Measure, Scenario } from '../scenario.ts'

const [repository, tag] = ['bench', 'v1']

/** What the centre does when a new image is wanted. */
export const copy: Scenario = {
  name: 'copy',
  what: 'copy of a 100 MB image of 4 layers from a docker-registry into an empty place, the start of the process left out',
  parts: ['docker-registry', 'skopeo'],
  rounds: 7,

  async run(bench) {
    const layout = await createOciLayout(path.join(bench.directory, 'layout'))
    const megabyte = bench.size === 'full' ? 1_000_000 : 20_000
    const image = await smallImage(layout, { layerSizes: [50, 30, 15, 5].map((size) => size * megabyte) })
    await using source = await startDockerRegistry({
      directory: path.join(bench.directory, 'source'),
      isForSpeed: true,
    })
    await pushLayout({ layout, target: image.manifest, registry: source.url, repository, tag })
    const job: Job = { bench, registry: source.host, blobBytes: sizeOf([image.config, ...image.layers]) }
    const contenders = [
      stowage('stowage', job, []),
      skopeoToRegistry(job),
      skopeoToLayout(job),
      stowage('stowage without sync', job, ['--no-sync']),
    ]
    return await interleave(contenders, measures, bench)
  },
}

type MeasureKey = 'wall' | 'cpu'

const measures: Record<MeasureKey, Measure> = {
  wall: { what: 'time', unit: 's', better: 'less' },
  cpu: { what: 'CPU of copier and destination', unit: 's', better: 'less' },
}

type Figures = Record<MeasureKey, number>

interface Job {
  readonly bench: Bench
  readonly registry: string
  readonly blobBytes: number
}

const copiedSchema = z.object({ wallSeconds: z.number(), cpuSeconds: z.number(), bytesFetched: z.number() })

function stowage(name: string, { bench, registry, blobBytes }: Job, flags: readonly string[]): Contender<MeasureKey> {
  const script = fileURLToPath(new URL('../copy-image.ts', import.meta.url))
  const measure = async (to: string): Promise<Figures> => {
    const job = ['--registry', registry, '--repository', repository, '--tag', tag, '--to', to, ...flags]
    const { stdout } = await execa(process.execPath, ['--conditions=source', script, ...job], {
      cancelSignal: bench.signal,
    })
    const { wallSeconds, cpuSeconds, bytesFetched } = copiedSchema.parse(JSON.parse(stdout))
    if (bytesFetched !== blobBytes) throw new Error(`stowage fetched ${bytesFetched} bytes of ${blobBytes}`)
    return { wall: wallSeconds, cpu: cpuSeconds }
  }
  return { name, measure: () => inEmptyPlace(bench, measure) }
}

function skopeoToRegistry(job: Job): Contender<MeasureKey> {
  const measure = async (directory: string): Promise<Figures> => {
    await using destination = await startDockerRegistry({ directory, isForSpeed: true })
    const before = await cpuSecondsOf(destination.pid)
    const figures = await skopeo(job, ['--dest-tls-verify=false'], `docker://${destination.host}/${repository}:${tag}`)
    return { ...figures, cpu: figures.cpu + (await cpuSecondsOf(destination.pid)) - before }
  }
  return { name: 'skopeo to docker-registry', measure: () => inEmptyPlace(job.bench, measure) }
}

function skopeoToLayout(job: Job): Contender<MeasureKey> {
  const measure = (directory: string): Promise<Figures> => skopeo(job, [], `oci:${directory}:${tag}`)
  return { name: 'skopeo to oci:DIR', measure: () => inEmptyPlace(job.bench, measure) }
}

async function skopeo({ bench, registry }: Job, flags: readonly string[], destination: string): Promise<Figures> {
  // What it takes to start is taken off: a centre is running already when it copies.
  const start = await timeCommand('skopeo', ['--version'], bench)
  const copying = ['--insecure-policy', 'copy', '--quiet', '--preserve-digests', '--src-tls-verify=false', ...flags]
  const source = `docker://${registry}/${repository}:${tag}`
  const { wallSeconds, cpuSeconds } = await timeCommand('skopeo', [...copying, source, destination], bench)
  return { wall: wallSeconds - start.wallSeconds, cpu: cpuSeconds - start.cpuSeconds }
}

/** Measures in a directory that does not exist yet, when the disk has nothing left to do from what was before. */
async function inEmptyPlace<T>({ directory }: Bench, measure: (to: string) => Promise<T>): Promise<T> {
  const to = path.join(directory, 'destination')
  await execa('sync', ['--file-system', directory])
  try {
    return await measure(to)
  } finally {
    await rm(to, { recursive: true, force: true })
  }
}
