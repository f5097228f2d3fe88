import { describe, expect, it } from 'vitest'
import { aLine, aReport } from '../testing/world.ts'
import { createShareReport } from './share-report.ts'

const name = 'docker.io/library/nginx:1'

describe('reports of many nodes', () => {
  it('say what they said, and hold once what they say alike', () => {
    const share = createShareReport()
    const moving = aLine('docker.io/library/redis:1', 'v1', { state: 'fetching', bytesHere: 7 })
    const all = ['x', 'y'].map((node) => aReport(node, { images: [aLine(name, 'v1'), { ...moving }] }))
    const [x, y] = all.map((report) => share(report))
    expect([x, y]).toEqual(all)
    expect(y?.images[0]).toBe(x?.images[0])
    expect(y?.images[1]).not.toBe(x?.images[1])
  })

  it('are for their images, labels and platform what the report before was, if they say the same', () => {
    const share = createShareReport()
    const before = share(aReport('x', { images: [aLine(name, 'v1')] }))
    const next = share(aReport('x', { images: [aLine(name, 'v1')], counter: 2, bytesReceived: 9 }), before)
    expect(next).toMatchObject({ counter: 2, bytesReceived: 9 })
    for (const part of ['images', 'labels', 'platform'] as const) expect(next[part]).toBe(before[part])
    const other = share(aReport('x', { images: [aLine(name, 'v2')], labels: { tier: 'x' } }), before)
    expect(other).toEqual(aReport('x', { images: [aLine(name, 'v2')], labels: { tier: 'x' } }))
  })

  it.each([
    ['digest', aLine(name, 'v2')],
    ['state', aLine(name, 'v1', { state: 'removing' })],
    ['size', aLine(name, 'v1', { bytesHere: 1 })],
    ['fault', aLine(name, 'v1', { fault: { code: 'corrupt', message: 'm', attempts: 1, retryInMs: 1 } })],
  ])('hold for themselves what differs in its %s', (_, line) => {
    const share = createShareReport()
    share(aReport('x', { images: [aLine(name, 'v1')] }))
    expect(share(aReport('y', { images: [line] })).images).toEqual([line])
  })
})
