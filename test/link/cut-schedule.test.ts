import { afterEach, describe, expect, it } from 'vitest'
import { eventually } from '../harness/eventually.ts'
import { createLinkBench, dataOf, digestOf, settled } from './link-bench.ts'

const bench = createLinkBench()
const { serve, linkTo, clientOf } = bench
afterEach(() => bench.closeAll())

describe('planned cuts', () => {
  it('come between two bytes, each counted from when the link was up', async () => {
    const data = dataOf(500_000)
    const link = await linkTo(await serve((socket) => void socket.end(data)))
    const cut = { mode: 'silence', durationMs: 600_000 } as const
    await link.plan({
      cuts: [
        { ...cut, afterDownBytes: 123_456 },
        { ...cut, afterDownBytes: 100_001 },
      ],
    })
    const client = clientOf(link)
    for (const bytes of [123_456, 223_457]) {
      await eventually(async () => (await link.stats()).state === 'silence')
      expect((await link.stats()).total.downBytes).toBe(bytes)
      await link.up()
    }
    expect(await client.ended).toBe('end')
    expect(digestOf(client.received())).toBe(digestOf(data))
    expect((await link.stats()).plannedCuts).toBe(0)
  })

  it('come again and again when told to, by time too', async () => {
    const link = await linkTo(await serve((socket) => void socket.pipe(socket)))
    await link.plan({ cuts: [{ mode: 'reset', afterMs: 5, durationMs: 5 }], repeat: true })
    await eventually(async () => (await link.stats()).cuts >= 3)
    expect((await link.plan({ cuts: [] })).plannedCuts).toBe(0)
    const { cuts } = await eventually(async () => {
      const stats = await link.stats()
      return stats.state === 'up' && stats
    })
    await settled(() => 0)
    expect((await link.stats()).cuts).toBe(cuts)
  })

  it('wait while the link is down by hand', async () => {
    const link = await linkTo(await serve((socket) => void socket.end('12345')))
    await link.cut('reset')
    expect(await link.plan({ cuts: [{ mode: 'silence', afterDownBytes: 2, durationMs: 0 }] })).toMatchObject({
      cuts: 1,
    })
    await link.up()
    const client = clientOf(link)
    expect(await client.ended).toBe('end')
    expect(await link.stats()).toMatchObject({ cuts: 2, plannedCuts: 0, total: { downBytes: 5 } })
  })
})
