import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { askMirror, type AskMirrorOptions } from '@stowage/mirror/operations/ask-mirror'
import { gcOperation } from '@stowage/mirror/store/gc/gc-operation'
import { createPrograms } from '../../harness/programs.ts'
import { interleave, type Contender } from '../interleave.ts'
import { loadSteadily } from '../load/load-steadily.ts'
import { watchUsage } from '../machine/usage-watch.ts'
import { writeManyBlobs } from '../many-blobs.ts'
import type { Registry } from '../registries/registry.ts'
import { startStowage } from '../registries/start-stowage.ts'
import type { Bench, Measure, Scenario } from '../scenario.ts'

const sizes = { full: { repositories: 100, imagesEach: 100 }, small: { repositories: 5, imagesEach: 5 } } as const
const perSecond = 500
const token = 'the-token-of-the-benchmarks'

/** What the number of blobs changes. */
export const manyBlobs: Scenario = {
  name: 'many-blobs',
  what: `a mirror with 100,000 blobs in 100 repositories: its start, and ${perSecond} HEADs of a manifest in a second while it collects garbage`,
  parts: [],
  rounds: 3,

  async run(bench) {
    const places = { stowage: path.join(bench.directory, 'many'), 'an empty one': path.join(bench.directory, 'empty') }
    const starts = Object.entries(places).map(([name, place]) => startOf(name, place, bench))
    // A mirror takes no directory that it has not begun itself.
    for (const { measure } of starts) await measure()
    bench.say('writing blobs')
    writeManyBlobs(path.join(places.stowage, 'data'), sizes[bench.size])
    const started = await interleave(starts, startMeasures, bench)
    return [...started, ...(await whileCollecting(places.stowage, bench))]
  },
}

const startMeasures: Record<'start', Measure> = {
  start: { what: 'from its start to its first answer', unit: 's', better: 'less' },
}

function startOf(name: string, place: string, bench: Bench): Contender<'start'> {
  return {
    name,
    async measure() {
      await using programs = createPrograms()
      const startedAt = performance.now()
      const { url } = await startStowage(place, { ...bench, programs })
      const { ok } = await fetch(`${url}/v2/`)
      if (!ok) throw new Error(`${url} does not answer`)
      return { start: (performance.now() - startedAt) / 1000 }
    },
  }
}

type MeasureKey = 'median' | 'p99' | 'longest' | 'seconds' | 'cpu' | 'peak'

const measures: Record<MeasureKey, Measure> = {
  median: { what: 'HEAD of a manifest: median', unit: 'ms', better: 'less' },
  p99: { what: 'HEAD of a manifest: p99', unit: 'ms', better: 'less' },
  longest: { what: 'HEAD of a manifest: longest', unit: 'ms', better: 'less' },
  seconds: { what: 'collection of garbage', unit: 's', better: 'less' },
  cpu: { what: 'CPU meanwhile', unit: 's', better: 'less' },
  peak: { what: 'peak RSS', unit: 'MiB', better: 'less' },
}

/** One mirror with garbage collections and without, by turns. */
async function whileCollecting(directory: string, bench: Bench) {
  await using programs = createPrograms()
  const tokenFile = path.join(bench.directory, 'token')
  await writeFile(tokenFile, token, { mode: 0o600 })
  const registry = await startStowage(directory, { ...bench, programs, flags: ['--objects-token-file', tokenFile] })
  const load = loadOf(registry, bench)
  await load(() => delay(1000)) // Nobody is measured cold.

  // No process is started for that: it would take the core of one of the two.
  const place: AskMirrorOptions<unknown> = { url: new URL(registry.url), token, signal: bench.signal, onProgress() {} }
  const collect = () => askMirror(gcOperation, { isDryRun: false, rules: {} }, place)
  const collecting: Contender<MeasureKey> = {
    name: 'stowage',
    async measure() {
      const startedAt = performance.now()
      let seconds = 0
      const found = await load(async () => {
        await collect()
        seconds = (performance.now() - startedAt) / 1000
      })
      return { ...found, seconds }
    },
  }
  const resting = { name: 'the same without', measure: () => load(() => delay(bench.size === 'full' ? 10_000 : 500)) }
  return await interleave([collecting, resting], measures, bench)
}

function loadOf({ url, pid }: Registry, bench: Bench) {
  return async (work: () => Promise<unknown>) => {
    const usage = await watchUsage(pid)
    const target = { url: `${url}/v2/many/0/manifests/v0`, perSecond }
    const { medianMs, p99Ms, longestMs } = await loadSteadily(target, bench, work)
    const { cpuSeconds, memory } = await usage()
    return { median: medianMs, p99: p99Ms, longest: longestMs, cpu: cpuSeconds, peak: memory.peak / 1024 / 1024 }
  }
}
