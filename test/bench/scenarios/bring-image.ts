import { setTimeout as delay } from 'node:timers/promises'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { mirrorRepositoryOf, parseReference } from '@stowage/mirror/oci/reference'
import { startDockerRegistry } from '../../harness/docker-registry.ts'
import { eventually, type EventuallyOptions } from '../../harness/eventually.ts'
import { writeImageCache } from '../../harness/image-cache.ts'
import { holds } from '../../harness/node-files.ts'
import { imageAt } from '../../harness/source-registry.ts'
import { askCentre } from '../../harness/stowage-get.ts'
import { namesInLayout } from '../../harness/verify-layout.ts'
import { memoryOf, type MemoryUsage } from '../machine/process-usage.ts'
import { watchUsage, type Usage } from '../machine/usage-watch.ts'
import type { Bench } from '../scenario.ts'
import { startCentreAndNode } from './centre-and-node.ts'

export interface BringImageOptions extends Pick<Bench, 'size' | 'stowage' | 'signal'> {
  /** Of a docker-registry that has the image as `bench:v1`. */
  readonly upstream: string
  /** Where centre and node live. */
  readonly stage: string
  readonly root: Descriptor
}

/** Who is looked at. */
export type Each<T> = Readonly<Record<'centre' | 'agent' | 'registry', T>>

/** The life of one image, as its processes felt it. */
export interface Journey {
  readonly idleBefore: Each<MemoryUsage>
  /** From the registry to the centre. */
  readonly toCentre: Leg
  /** From the centre to the node. */
  readonly toNode: Leg
  readonly idleAfter: Each<MemoryUsage>
}

export interface Leg {
  readonly seconds: number
  readonly usage: Each<Usage>
}

const longMs = 5 * 60_000

/** Lets a centre and an agent bring one image to a node, from their start on, and looks at what they take meanwhile. */
export async function bringImage({
  upstream,
  stage,
  root,
  size,
  stowage,
  signal,
}: BringImageOptions): Promise<Journey> {
  await using registry = await startDockerRegistry({ directory: upstream, isForSpeed: true })
  await using started = await startCentreAndNode(stage, stowage)
  const { centre, agent } = started
  const image = imageAt(`${registry.host}/bench:v1`, root)
  const pids: Each<number> = { centre: centre.pid, agent: agent.pid, registry: registry.pid }
  const until = (look: () => Promise<boolean>, what: string): Promise<unknown> =>
    eventually(look, { what, withinMs: longMs, everyMs: 20, signal } satisfies EventuallyOptions)
  const rest = (): Promise<void> => delay(size === 'full' ? 5000 : 100, undefined, { signal })

  await until(async () => (await askCentre('nodes', centre.url)).some(({ online }) => online), 'a node at the centre')
  await rest()
  const idleBefore = await ofEach(pids, memoryOf)
  const toCentre = await watchLeg(pids)
  await writeImageCache(centre.caches, { name: 'bench', images: [image.reference] })
  await until(() => isMirrored(centre.url, image.reference), `${image.reference} at the centre`)
  const first = await toCentre()
  const toNode = await watchLeg(pids)
  await until(
    async () => (await namesInLayout(agent.layout)).includes(image.reference),
    `${image.reference} at the node`,
  )
  const second = await toNode()
  await rest()
  const idleAfter = await ofEach(pids, memoryOf)
  await holds(agent.layout, [image])
  return { idleBefore, toCentre: first, toNode: second, idleAfter }
}

/** The centre names an image when all of it is there. */
async function isMirrored(centre: string, reference: string): Promise<boolean> {
  const parsed = parseReference(reference)
  const url = `${centre}/v2/${mirrorRepositoryOf(parsed)}/manifests/${parsed.tag}`
  return (await fetch(url, { method: 'HEAD' })).ok
}

async function watchLeg(pids: Each<number>): Promise<() => Promise<Leg>> {
  const usages = await ofEach(pids, watchUsage)
  const startedAt = performance.now()
  return async () => {
    const seconds = (performance.now() - startedAt) / 1000
    return { seconds, usage: await ofEach(usages, (usage) => usage()) }
  }
}

async function ofEach<T, U>({ centre, agent, registry }: Each<T>, work: (one: T) => Promise<U>): Promise<Each<U>> {
  return { centre: await work(centre), agent: await work(agent), registry: await work(registry) }
}
