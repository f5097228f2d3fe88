import { rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import type { ContainerdRelease } from '../../harness/containerd/containerd-release.ts'
import { startContainerd, type Containerd } from '../../harness/containerd/start-containerd.ts'
import { eventually } from '../../harness/eventually.ts'
import { spawnProgram, type Spawned, type WaitForLineOptions } from '../../harness/spawned.ts'
import { askCentre } from '../../harness/stowage-get.ts'
import { watchTotals } from '../machine/totals-watch.ts'
import type { ProcessTotals } from '../machine/process-totals.ts'
import type { Bench } from '../scenario.ts'
import type { CentreWithImage } from './centre-with-image.ts'

export interface Target {
  readonly bench: Bench
  readonly centre: CentreWithImage
  readonly release: ContainerdRelease
}

/** What it took to bring the image into a containerd that had nothing. */
export interface Brought {
  /** From the wish, or the command, until CRI lists the image. */
  readonly seconds: number
  /** Without the centre's part, where there is one. */
  readonly fromAssignmentSeconds?: number
  readonly containerd: ProcessTotals
  /** The agent or ctr; undefined for CRI, whose client has nothing to do. */
  readonly client?: ProcessTotals
}

const lookEveryMs = 20
const longMs = 5 * 60_000
let agents = 0

/**
 * A wish changes, and the agent's containerd gets the image: the centre notices the file, asks upstream what the name means,
 * tells the agent; the agent reads the image's documents, fetches its layers into files, gives them to containerd, has
 * them unpacked and synced, names the image and waits for CRI.
 */
export function bringByAgent(target: Target): Promise<Brought> {
  const { bench, centre } = target
  agents += 1
  const node = `node-${agents}`
  return inNewContainerd(target, async (containerd) => {
    const data = path.join(bench.directory, node)
    const where = ['--data', data, '--runtime', `containerd:${containerd.files.socket}`]
    await using agent = centre.startAgent(node, [...where, '--contact-every', '1s'])
    const isOnline = async (): Promise<boolean> =>
      (await askCentre('nodes', centre.url)).some(({ name, online }) => name === node && online)
    await eventually(isOnline, { what: `${node} at the centre`, withinMs: longMs, signal: bench.signal })
    await rest(target)
    const [ofAgent, after] = [await watchTotals(agent.pid), agent.lineCount()]
    const took = await timed(containerd, target, { name: centre.reference, bring: () => centre.wishFor(node) })
    const client = await ofAgent()
    const heardAt = await timeOfLine(agent, /"msg":"assignment changed"/, { after })
    await agent.stop()
    await rm(data, { recursive: true })
    return { ...took, client, fromAssignmentSeconds: (took.endedAt - heardAt) / 1000 }
  })
}

/** `ctr` reads the image from the centre's registry and has containerd unpack it. */
export function pullByCtr(target: Target): Promise<Brought> {
  const { bench, centre } = target
  return inNewContainerd(target, async (containerd) => {
    await rest(target)
    let client: ProcessTotals | undefined
    const bring = async (): Promise<void> => {
      const env = { CONTAINERD_ADDRESS: containerd.files.socket, CONTAINERD_NAMESPACE: 'k8s.io' }
      const pull = ['images', 'pull', '--plain-http', centre.mirrored]
      await using ctr = spawnProgram(path.join(containerd.programs.directory, 'ctr'), pull, { env })
      client = await untilEnd(ctr, bench)
    }
    const took = await timed(containerd, target, { name: centre.mirrored, bring })
    return { ...took, ...(client ? { client } : {}) }
  })
}

/** containerd's CRI plugin reads the image from the centre's registry, as for a pod. */
export function pullByCri(target: Target): Promise<Brought> {
  const { centre } = target
  return inNewContainerd(target, async (containerd) => {
    await rest(target)
    const bring = async (): Promise<unknown> => containerd.cri.pullImage(centre.mirrored)
    return timed(containerd, target, { name: centre.mirrored, bring })
  })
}

async function inNewContainerd(
  { bench, release }: Target,
  measure: (containerd: Containerd) => Promise<Brought>,
): Promise<Brought> {
  const directory = path.join(bench.directory, 'c')
  try {
    await using containerd = await startContainerd({ directory, release })
    return await measure(containerd)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The disk has nothing left to do from what was before, and who was started has come to rest. */
async function rest({ bench }: Target): Promise<void> {
  await execa('sync', ['--file-system', bench.directory])
  await delay(bench.size === 'full' ? 1000 : 50, undefined, { signal: bench.signal })
}

interface Bringing {
  /** Under which CRI lists the image then. */
  readonly name: string
  readonly bring: () => Promise<unknown>
}

interface Timed extends Brought {
  /** Epoch milliseconds. */
  readonly endedAt: number
}

async function timed(containerd: Containerd, { bench, centre }: Target, { name, bring }: Bringing): Promise<Timed> {
  const ofContainerd = await watchTotals(containerd.program().pid)
  const startedAt = performance.now()
  await bring()
  const isListed = async (): Promise<boolean> => (await containerd.cri.imageStatus(name)) !== undefined
  await eventually(isListed, {
    what: `${name} in CRI's list`,
    withinMs: longMs,
    everyMs: lookEveryMs,
    signal: bench.signal,
  })
  const seconds = (performance.now() - startedAt) / 1000
  const endedAt = Date.now()
  const took = { seconds, endedAt, containerd: await ofContainerd() }
  const { id } = (await containerd.cri.imageStatus(name)) ?? {}
  if (id === centre.id) return took
  throw new Error(`CRI has ${id} as ${name}, but should have ${centre.id}`)
}

/** What a program took until it ended, as the last look saw it. */
async function untilEnd(program: Spawned, { signal }: Bench): Promise<ProcessTotals | undefined> {
  let last: ProcessTotals | undefined
  const totals = await watchTotals(program.pid)
  while (program.isRunning()) {
    const now = await totals().catch(() => undefined) // It ended meanwhile.
    // One that has ended and was not waited for yet has no memory any more.
    if (now && now.peak > 0) last = now
    await delay(lookEveryMs, undefined, { signal })
  }
  const { code } = await program.exited
  if (code === 0) return last
  throw new Error(`${program.name} ended with ${code}: ${program.lines().slice(-5).join('\n')}`)
}

/** Epoch milliseconds. */
async function timeOfLine(agent: Spawned, pattern: RegExp, options: WaitForLineOptions): Promise<number> {
  const { input } = await agent.waitForLine(pattern, options)
  return Date.parse((JSON.parse(input) as { time: string }).time)
}
