import path from 'node:path'
import { spawnProgram } from '../../harness/spawned.ts'
import { playScenes, type Played } from '../scale/play-scenes.ts'
import { openScaleSite } from '../scale/scale-site.ts'
import { scaleRows } from '../scale/scale-rows.ts'
import type { Bench, Scenario } from '../scenario.ts'

/** What a controller in a cluster costs by the number of its nodes. */
export const kubeScale: Scenario = {
  name: 'kube-scale',
  what: 'a controller, a real API server and simulated nodes with 50 images; the ratio is how many times as much the larger fleet costs, and ten times is linear',
  parts: ['kube-api'],
  rounds: 1,

  async run(bench) {
    const sizes = bench.size === 'full' ? [1000, 10_000] : [20, 40]
    const rounds: Played[][] = []
    for (let round = 1; round <= bench.rounds; round++) {
      const played: Played[] = []
      for (const nodes of sizes)
        played.push(await playAt(nodes, bench, path.join(bench.directory, `${round}-${nodes}`)))
      rounds.push(played)
    }
    return scaleRows(rounds)
  },
}

async function playAt(nodes: number, { stowage, size, signal, say }: Bench, directory: string): Promise<Played> {
  const isFull = size === 'full'
  await using site = await openScaleSite({
    directory,
    images: isFull ? 50 : 5,
    spawn(args, options) {
      const [command, ...rest] = stowage.command(args)
      return spawnProgram(command, rest, { name: `stowage ${args[0]}`, ...options })
    },
  })
  return await playScenes(site, {
    nodes,
    name: 'edge',
    spreadMs: nodes,
    fetchMs: isFull ? 2000 : 200,
    contactEveryMs: isFull ? 30_000 : 5000,
    quietMs: isFull ? 8000 : 6000,
    restMs: isFull ? 30_000 : 2000,
    signal,
    say,
  })
}
