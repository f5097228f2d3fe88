import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../../harness/eventually.ts'
import type { RunningFleet } from '../../harness/fleet/open-fleet.ts'
import type { ScaleSite, ScaleFleetOptions } from './scale-site.ts'
import { watchAnswers } from './answer-watch.ts'
import { measureScene, type SceneFigures, type Stage } from './measure-scene.ts'
import { readKubeCounters } from './kube-counters.ts'
import { scenesOf } from './scenes.ts'
import { watchUsage } from '../machine/usage-watch.ts'

export interface PlayOptions extends ScaleFleetOptions {
  readonly quietMs: number
  /** How long is looked on while nothing happens, in milliseconds. */
  readonly restMs: number
  readonly signal: AbortSignal
  readonly say: (text: string) => void
  /** Which scenes, by name; default: all. */
  readonly only?: readonly string[]
}

/** What a fleet cost in all its scenes, and per second while nothing happens. */
export interface Played {
  readonly nodes: number
  readonly scenes: readonly SceneFigures[]
  readonly restingCores: number
  readonly restingBytes: number
  readonly restingWrites: number
}

/** Lets a fleet come to a site and plays all scenes with it, and with a cache of its name. */
export async function playScenes(site: ScaleSite, options: PlayOptions): Promise<Played> {
  const { nodes, name: cache, quietMs, restMs, signal, say, only } = options
  await using answers = watchAnswers(`${site.controller.url}/v2/`)
  let running: RunningFleet | undefined
  const fleet: Stage['fleet'] = { tell: async (order) => (await running?.tell(order)) ?? { ...nobody, nodes } }
  const stage: Stage = { site, fleet, nodes, cache, answers, quietMs, signal }
  const scenes: SceneFigures[] = []

  async function play(scene: Parameters<typeof measureScene>[0]): Promise<void> {
    say(`${nodes} nodes: ${scene.name}`)
    const figures = await measureScene(scene, stage)
    say(inShort(figures))
    scenes.push(figures)
  }

  await play({
    name: 'the nodes come for the first time',
    async change() {
      running = await site.startFleet(options)
      const isThere = async (): Promise<boolean> =>
        (await fleet.tell({ do: 'standing' })).told.some((group) => group.nodes === nodes)
      await eventually(isThere, { what: 'all nodes', withinMs: 60_000 + 60 * nodes, everyMs: 500, signal })
    },
    isFinal: () => true,
  })
  say('at rest')
  const rest = await lookOn(stage, restMs)
  for (const scene of scenesOf(stage)) if (!only || only.includes(scene.name)) await play(scene)
  return { nodes, scenes, ...rest }
}

const nobody = { running: 0, reports: 0, lost: 0, told: [] }

async function lookOn(
  { site, signal }: Stage,
  restMs: number,
): Promise<Pick<Played, 'restingCores' | 'restingBytes' | 'restingWrites'>> {
  const totalOf = async (): Promise<number> => {
    const { writes } = await readKubeCounters(site.kube)
    return [...writes.values()].reduce((sum, count) => sum + count, 0)
  }
  const [usage, before] = [await watchUsage(site.controller.program().pid), await totalOf()]
  await delay(restMs, undefined, { signal })
  const { cpuSeconds, memory } = await usage()
  return {
    restingCores: (cpuSeconds * 1000) / restMs,
    restingBytes: memory.resident,
    restingWrites: (await totalOf()) - before,
  }
}

/** A line for whoever waits. */
function inShort(figures: SceneFigures): string {
  const { counted, toldSeconds, finalSeconds, quietSeconds, cpuSeconds, peakBytes, longestWaitMs, reports } = figures
  const writes = [...counted.writes].map(([name, count]) => `${name} ${count}`).join(', ')
  const told = toldSeconds ? `told ${toldSeconds.map((seconds) => seconds.toFixed(1)).join('–')} s, ` : ''
  return [
    `${told}final ${finalSeconds.toFixed(1)} s, quiet ${quietSeconds.toFixed(1)} s`,
    `${cpuSeconds.toFixed(1)} s CPU, peak ${Math.round(peakBytes / 2 ** 20)} MiB, longest wait ${Math.round(longestWaitMs)} ms`,
    `${reports} reports; ${writes}; ${counted.refused} refused; etcd ${counted.etcdPuts} puts, ${Math.round(counted.etcdBytes / 1024)} KiB`,
    `status ${figures.statusBytes} bytes`,
  ].join('; ')
}
