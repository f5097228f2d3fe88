import { expect } from 'vitest'
import type { Agent } from '../harness/agent.ts'
import type { Centre } from '../harness/centre.ts'
import { eventually } from '../harness/eventually.ts'
import type { ImageOnDisk } from '../harness/image-on-disk.ts'
import { askCentre } from '../harness/stowage-get.ts'
import type { TruthWatch } from '../harness/watch-truth.ts'
import type { RunningLink } from '../link/start-link.ts'
import type { RunningEmulatedLink } from '../net/start-emulated-link.ts'
import type { Disturbance } from './disturbances.ts'

/** An image on its way to a node. */
export interface DisturbedScene {
  readonly centre: Centre
  readonly agent: Agent
  /** Between the two. */
  readonly link: RunningLink | RunningEmulatedLink
  /** Bytes of blobs that the link has taken so far. */
  readonly carried: () => Promise<number>
  /** What the node has of the image. */
  readonly look: () => Promise<ImageOnDisk>
  /** Who compares what the centre says with that. */
  readonly watch: Pick<TruthWatch, 'record'>
  /** Called before an agent is killed while bytes come to it. */
  readonly beforeKill?: () => Promise<void>
}

/** Lets all of it befall the transfer, each when its time has come; resolves when the last is over. */
export async function disturbAll(plan: readonly Disturbance[], scene: DisturbedScene): Promise<void> {
  for (const disturbance of plan) await disturb(disturbance, scene)
}

async function disturb({ kind, atBytes, durationMs }: Disturbance, scene: DisturbedScene): Promise<void> {
  const { agent, centre, link, look, beforeKill = async () => {} } = scene
  await untilCarried(scene.carried, atBytes)
  expect((await look()).isWhole, 'the transfer is over already').toBe(false)
  switch (kind) {
    case 'reset':
    case 'silence':
      await link.cut(kind, { durationMs })
      break
    case 'forget':
      await link.cut('silence', { durationMs, forget: true })
      break
    case 'overdue':
      await link.cut('silence')
      // A centre that was just started anew gives nodes half a minute more.
      await eventually(() => isCalledOffline(scene), { what: `${agent.node} called offline`, withinMs: 120_000 })
      await eventually(() => scene.watch.record().offline > 0, { what: 'a look at that', withinMs: 60_000 })
      await link.up()
      break
    case 'kill-agent-in-silence':
      await link.cut('silence')
      await untilAllIsWritten(scene)
      await agent.kill()
      await agent.start()
      await link.up()
      break
    case 'kill-agent':
      await beforeKill()
      await agent.kill()
      await agent.start()
      break
    case 'kill-centre':
      await centre.kill()
      await centre.start()
      break
  }
}

/** Resolves when a link has taken so many bytes of blobs. */
export async function untilCarried(carried: () => Promise<number>, bytes: number): Promise<void> {
  const isCarried = async (): Promise<boolean> => (await carried()) >= bytes
  await eventually(isCarried, { what: `a link carries ${bytes} bytes of blobs`, withinMs: 60_000, everyMs: 20 })
}

/** Resolves when no part file grows any more: behind a silent link, when nothing is left in buffers. */
async function untilAllIsWritten({ look }: DisturbedScene): Promise<void> {
  const bytes = async (): Promise<number> => (await look()).bytes
  let before = await bytes()
  const isStill = async (): Promise<boolean> => before === (before = await bytes())
  await eventually(isStill, { what: 'part files that do not grow', everyMs: 100 })
}

/** Resolves when the centre says of its only cache that it succeeded, and of this image that it is present. */
export async function untilSucceeded({ url }: Centre, name: string): Promise<void> {
  const isDone = async (): Promise<boolean> => {
    const [cache] = await askCentre('caches', url)
    const images = await askCentre('images', url)
    return cache?.status === 'Succeeded' && images.some((view) => view.name === name && view.state === 'present')
  }
  await eventually(isDone, { what: `${name} called present`, withinMs: 90_000 })
}

/** Of node and image alike. */
async function isCalledOffline({ centre, agent }: DisturbedScene): Promise<boolean> {
  const nodes = await askCentre('nodes', centre.url)
  const images = await askCentre('images', centre.url)
  return [...nodes.filter(({ name }) => name === agent.node), ...images].every(({ online }) => !online)
}
