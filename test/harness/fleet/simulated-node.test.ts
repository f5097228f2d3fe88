import { setTimeout as delay } from 'node:timers/promises'
import type { Report } from '@stowage/mirror/edge/report'
import { createAgentWorld, type AgentWorld } from '@stowage/node-agent/testing/agent-world'
import { silentLog } from '@stowage/node-agent/testing/silent-log'
import { createTestImage, createTestLayer, linuxAmd64, type TestImage } from '@stowage/node-agent/testing/test-image'
import { describe, expect, it } from 'vitest'
import { eventually } from '../eventually.ts'
import { createFleetLibrary } from './fleet-library.ts'
import { createSimulatedNode } from './simulated-node.ts'

type Run = (world: AgentWorld, signal: AbortSignal) => Promise<void>

/** Lets a node live from its first report until it has its images; resolves with all that it said. */
async function lifeOf(images: ReadonlyMap<string, TestImage>, run: Run): Promise<Report[]> {
  await using world = await createAgentWorld()
  const { centre, source } = world
  const wanted = [...images].map(([name, image]) => world.image(name, image))
  // Slow enough for a report that says that they are on their way.
  source.onChunk = () => delay(20)
  const stop = new AbortController()
  const done = run(world, stop.signal)
  await eventually(() => centre.reports.length > 0)
  centre.assign({ cache: 'c', images: wanted })
  await eventually(() => wanted.every(({ name }) => centre.stateOf(name) === 'present'))
  stop.abort(new Error('enough'))
  await done
  return centre.reports
}

const liveAsAgent: Run = async (world, signal) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve())
  await using _agent = world.start()
  await promise
}

const liveSimulated: Run = async ({ centre, source }, signal) => {
  const node = createSimulatedNode({
    name: 'edge-1',
    labels: { tier: 'edge' },
    platform: linuxAmd64,
    centre,
    library: createFleetLibrary({ source, platform: linuxAmd64, broken: new Set() }),
    fetchMs: 500,
    contactEveryMs: 100,
    onAssignment: () => undefined,
    random: () => 0.5,
    log: silentLog,
  })
  await node.run(signal)
}

/** What differs between any two nodes. */
function plain({ instance, counter, agentVersion, runtime, bytesReceived, nextContactInMs, ...rest }: Report): object {
  const types = [instance, counter, agentVersion, runtime, bytesReceived, nextContactInMs].map((value) => typeof value)
  return { ...rest, types, bytesPerSecond: typeof rest.bytesPerSecond }
}

/** In which states images were, and what a report says of one in each state. */
function linesOf(reports: readonly Report[]): Map<string, string> {
  const lines = reports.flatMap(({ images }) => images)
  return new Map(lines.map((line) => [line.state, Object.keys(line).toSorted().join()]))
}

describe('a simulated node', () => {
  it('says what an agent says, from its first report until its images are there', async () => {
    const images = new Map([
      ['registry.test/one:v1', createTestImage([await createTestLayer(10_000)])],
      ['registry.test/two:v1', createTestImage([await createTestLayer(10_000), await createTestLayer(10_000)])],
    ])
    const [real, simulated] = [await lifeOf(images, liveAsAgent), await lifeOf(images, liveSimulated)]
    expect(plain(simulated[0]!)).toEqual(plain(real[0]!))
    expect(plain(simulated.at(-1)!)).toEqual(plain(real.at(-1)!))
    const [said, pretended] = [linesOf(real), linesOf(simulated)]
    expect([...pretended.keys()].toSorted()).toEqual(['fetching', 'present'])
    for (const [state, fields] of pretended) expect([state, said.get(state)]).toEqual([state, fields])
  })
})
