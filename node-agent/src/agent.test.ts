import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAgentWorld, type AgentWorld } from './testing/agent-world.ts'
import { createTestImage } from './testing/test-image.ts'

let world: AgentWorld
beforeEach(async () => {
  world = await createAgentWorld()
})
afterEach(() => world[Symbol.asyncDispose]())

const layer = (bytes = 3000): Buffer => randomBytes(bytes)
const soon = { timeout: 10_000, interval: 10 }
const present = (name: string): Promise<void> =>
  expect
    .poll(() => world.centre.stateOf(name), soon)
    .toBe('present')
    .then(() => {})

describe('an agent', () => {
  it('brings what its assignment wants, and says so', async () => {
    const image = world.image('r/a:1', createTestImage([layer(), layer()]))
    world.centre.assign({ cache: 'A', images: [image] })
    await using _agent = world.start()
    await present('r/a:1')
    expect(await world.soundNames()).toEqual(['r/a:1'])
    expect(world.centre.reports.at(-1)).toMatchObject({
      node: 'edge-1',
      labels: { tier: 'edge', 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
      acknowledged: { epoch: 'one', sequence: 1 },
    })
    expect(await readdir(join(world.directory, 'data/parts'))).toEqual([])
  })

  it('speaks before there is any assignment', async () => {
    await using _agent = world.start()
    await expect.poll(() => world.centre.reports.at(-1), soon).toMatchObject({ acknowledged: null, images: [] })
  })
})
