import { rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startContainerd, type Containerd } from '../../harness/containerd/start-containerd.ts'
import { eventually } from '../../harness/eventually.ts'
import { machinePlatform } from '../../harness/machine-platform.ts'
import { askCentre } from '../../harness/stowage-get.ts'
import { createOciLayout } from '../../image-maker/oci-layout.ts'
import { smallImage } from '../../image-maker/small-image.ts'
import { memoryOf, type MemoryUsage } from '../machine/process-usage.ts'
import { watchUsage, type Usage } from '../machine/usage-watch.ts'
import type { Bench, Scenario } from '../scenario.ts'
import { openCentreWithImage, type CentreWithImage } from './centre-with-image.ts'

/** What an agent takes of a node with containerd. */
export const agentMemory: Scenario = {
  name: 'agent-memory',
  what: 'an agent that brings a 1 GB image of 4 layers from a centre into a new containerd, as fast as loopback and disk are',
  parts: ['containerd', 'docker-registry'],
  rounds: 3,

  async run(bench) {
    const layout = await createOciLayout(path.join(bench.directory, 'layout'))
    const layerSizes = Array.from({ length: 4 }, () => (bench.size === 'full' ? 250_000_000 : 2_000_000))
    const image = await smallImage(layout, { layerSizes, platform: machinePlatform })
    await using centre = await openCentreWithImage({ layout, image }, bench)
    const lives: Life[] = []
    for (let round = 1; round <= bench.rounds; round++) {
      bench.signal.throwIfAborted()
      bench.say(`round ${round} of ${bench.rounds}`)
      lives.push(await live(`node-${round}`, centre, bench))
    }
    return rows.map(({ what, unit, of }) => ({
      what,
      unit,
      better: 'less',
      figures: new Map([['stowage', lives.map(of)]]),
    }))
  },
}

/** What an agent took before, while and after it brought the image. */
interface Life {
  readonly idle: MemoryUsage
  readonly bringing: Usage
  readonly after: MemoryUsage
}

interface Row {
  readonly what: string
  readonly unit: string
  readonly of: (life: Life) => number
}

const mebibytes = (bytes: number): number => bytes / 1024 / 1024

const rows: readonly Row[] = [
  { what: 'RSS, idle after its start', unit: 'MiB', of: ({ idle }) => mebibytes(idle.resident) },
  { what: 'RssAnon of that', unit: 'MiB', of: ({ idle }) => mebibytes(idle.anonymous) },
  { what: 'peak RSS while it brings 1 GB', unit: 'MiB', of: ({ bringing }) => mebibytes(bringing.memory.peak) },
  { what: 'RSS, idle afterwards', unit: 'MiB', of: ({ after }) => mebibytes(after.resident) },
  { what: 'CPU to bring 1 GB, not that of containerd', unit: 's', of: ({ bringing }) => bringing.cpuSeconds },
]

/** The life of an agent and its containerd, from their start on. */
async function live(node: string, centre: CentreWithImage, { directory, size, signal }: Bench): Promise<Life> {
  const [place, data] = [path.join(directory, 'c'), path.join(directory, node)]
  const rest = (): Promise<void> => delay(size === 'full' ? 5000 : 100, undefined, { signal })
  try {
    await using containerd = await startContainerd({ directory: place })
    const where = ['--data', data, '--runtime', `containerd:${containerd.files.socket}`]
    await using agent = centre.startAgent(node, [...where, '--contact-every', '1s'])
    await until(() => isOnline(node, centre), { what: `${node} at the centre`, signal })
    await rest()
    const idle = await memoryOf(agent.pid)
    const usage = await watchUsage(agent.pid)
    await centre.wishFor(node)
    await until(() => hasImage(containerd, centre), { what: `${centre.reference} in CRI's list`, signal })
    const bringing = await usage()
    await rest()
    return { idle, bringing, after: await memoryOf(agent.pid) }
  } finally {
    for (const used of [place, data]) await rm(used, { recursive: true, force: true })
  }
}

function until(look: () => Promise<boolean>, waiting: { readonly what: string; readonly signal: AbortSignal }) {
  return eventually(look, { ...waiting, withinMs: 5 * 60_000, everyMs: 20 })
}

async function isOnline(node: string, { url }: CentreWithImage): Promise<boolean> {
  return (await askCentre('nodes', url)).some(({ name, online }) => name === node && online)
}

async function hasImage({ cri }: Containerd, { reference }: CentreWithImage): Promise<boolean> {
  return (await cri.imageStatus(reference)) !== undefined
}
