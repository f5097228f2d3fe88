import { setTimeout as delay } from 'node:timers/promises'
import type { CacheStatus } from '@stowage/controller/api/cache-status'
import { eventually } from '../../harness/eventually.ts'
import type { FleetStanding } from '../../harness/fleet/fleet-messages.ts'
import type { RunningFleet } from '../../harness/fleet/open-fleet.ts'
import { watchUsage } from '../machine/usage-watch.ts'
import type { AnswerWatch } from './answer-watch.ts'
import { countedBetween, readKubeCounters, type KubeCounters } from './kube-counters.ts'
import type { ScaleSite } from './scale-site.ts'

/** What a scene is played in. */
export interface Stage {
  readonly site: ScaleSite
  readonly fleet: Pick<RunningFleet, 'tell'>
  readonly nodes: number
  /** Of the cache. */
  readonly cache: string
  readonly answers: AnswerWatch
  /** How long nothing may be written for a scene to be over, in milliseconds. */
  readonly quietMs: number
  readonly signal: AbortSignal
}

export interface Scene {
  readonly name: string
  readonly change: () => Promise<unknown>
  /** The sets that all nodes are told in the end; absent if they are told nothing new. */
  readonly told?: () => string
  readonly isFinal: (status: CacheStatus | undefined) => boolean
}

/** What a change cost. Seconds count from the change. */
export interface SceneFigures {
  readonly name: string
  readonly nodes: number
  readonly counted: KubeCounters
  /** Until the first and the last node have read what they are told. */
  readonly toldSeconds: readonly [first: number, last: number] | undefined
  readonly finalSeconds: number
  /** Until nothing was written any more. */
  readonly quietSeconds: number
  readonly cpuSeconds: number
  /** Over which CPU was counted: until it was sure that nothing is written any more. */
  readonly countedSeconds: number
  readonly peakBytes: number
  /** The longest that anybody waited for an answer of the controller, in milliseconds. */
  readonly longestWaitMs: number
  /** Reports that were delivered. */
  readonly reports: number
  readonly status: CacheStatus | undefined
  readonly statusBytes: number
}

const everyMs = 500

/** Makes a change and counts until all is as it should be and nothing is written any more. */
export async function measureScene(scene: Scene, stage: Stage): Promise<SceneFigures> {
  const { site, fleet, answers, cache, nodes, signal } = stage
  const { kube, controller } = site
  const pid = controller.program().pid
  const [usage, before] = [await watchUsage(pid), await readKubeCounters(kube)]
  const standing = await fleet.tell({ do: 'standing' })
  answers.takeLongest()
  const begun = Date.now()
  const since = (): number => (Date.now() - begun) / 1000
  const waiting = { withinMs: 180_000 + 60 * nodes, everyMs, signal }
  await scene.change()

  const told = scene.told ? await untilTold(scene.told(), stage, { what: scene.name, ...waiting }) : undefined
  const look = async (): Promise<{ status: CacheStatus | undefined } | false> => {
    const status = await site.status(cache).catch(() => undefined)
    return scene.isFinal(status) && { status }
  }
  const { status } = await eventually(look, { what: `${scene.name}: the final status`, ...waiting })
  const finalSeconds = since()
  const quietAt = await untilQuiet(stage)
  const took = controller.program().pid === pid ? await usage() : undefined
  const countedSeconds = since()
  const after = await readKubeCounters(kube)
  const { reports } = await fleet.tell({ do: 'standing' })
  return {
    name: scene.name,
    nodes,
    counted: countedBetween(before, after),
    toldSeconds: told && [(told.firstAt - begun) / 1000, (told.lastAt - begun) / 1000],
    finalSeconds,
    quietSeconds: (quietAt - begun) / 1000,
    cpuSeconds: took?.cpuSeconds ?? 0,
    countedSeconds,
    peakBytes: took?.memory.peak ?? 0,
    longestWaitMs: answers.takeLongest(),
    reports: reports - standing.reports,
    status,
    statusBytes: Buffer.byteLength(JSON.stringify(status ?? null)),
  }
}

type Told = FleetStanding['told'][number]

function untilTold(sets: string, { fleet }: Stage, waiting: Parameters<typeof eventually>[1]): Promise<Told> {
  return eventually(async () => {
    const { told, nodes } = await fleet.tell({ do: 'standing' })
    const group = told.find((one) => one.sets === sets)
    return group?.nodes === nodes && group
  }, waiting)
}

/** When the last write was seen, once there was none for a while. */
async function untilQuiet({ site: { kube }, quietMs, signal }: Stage): Promise<number> {
  let [total, lastAt] = [-1, Date.now()]
  for (;;) {
    const { writes } = await readKubeCounters(kube)
    const next = [...writes.values()].reduce((sum, count) => sum + count, 0)
    if (next !== total) [total, lastAt] = [next, Date.now()]
    if (Date.now() - lastAt >= quietMs) return lastAt
    await delay(1000, undefined, { signal })
  }
}
