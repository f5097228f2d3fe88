import { describe, expect, it } from 'vitest'
import type { DemoView, ImageLine, NodeBlock } from './demo-view.ts'
import { clock, drawBlock, drawLines } from './draw-view.ts'

const fetching: ImageLine = {
  label: 'demo:v1',
  state: 'fetching',
  bytesHere: 43_000_000,
  bytesTotal: 105_000_000,
  bytesPerSecond: 6_100_000,
  etaSeconds: 10,
  message: '',
}
const ship: NodeBlock = {
  name: 'ship',
  link: 'up',
  cuts: 4,
  downBytes: 44_000_000,
  bytesPerSecond: 6_200_000,
  agent: 'running',
  images: [fetching],
}
const viewOf = (node: Partial<NodeBlock>, image: Partial<ImageLine> = {}): DemoView => ({
  phase: 'Version 1 goes to the nodes',
  elapsedMs: 21_900,
  isCentreUp: true,
  nodes: [{ ...ship, images: [{ ...fetching, ...image }], ...node }],
})
const textOf = (view: DemoView): string[] => drawBlock(view).map(({ text }) => text)

describe('the block', () => {
  it('has bytes, share, rate and time left of each image, and the state of each link', () => {
    expect(textOf(viewOf({}))).toEqual([
      '0:21  Version 1 goes to the nodes',
      'ship    link up               6.2 MB/s   4 cuts   44.0 MB came',
      '  demo:v1     [########............] 40%  43.0 MB of 105 MB, 6.1 MB/s, 10s left',
    ])
  })

  it.each([
    [{ link: 'silence' as const }, 'link CUT: silence'],
    [{ link: 'reset' as const }, 'link CUT: resets'],
    [{ agent: 'killed' as const }, 'agent KILLED'],
  ])('promises no rate and no end with %j', (node, word) => {
    const [, head, image] = textOf(viewOf(node))
    expect(head).toContain(word)
    expect(image).toMatch(/43.0 MB of 105 MB$/)
  })

  it.each([
    [{ state: 'present' as const }, 'on board, 105 MB', 'good'],
    [{ state: 'removing' as const }, 'no longer wanted', 'faint'],
    [{ state: 'mirror' as const }, 'the centre fetches it', 'plain'],
    [{ state: 'told' as const, bytesHere: 0 }, 'waits', 'plain'],
    [{ state: 'failed' as const, message: 'not found' }, 'FAILED: not found', 'bad'],
  ])('says of an image %j: %s', (image, words, tone) => {
    const line = drawBlock(viewOf({}, image)).at(-1)
    expect(line).toEqual({ text: `  demo:v1     ${words}`, tone })
  })

  it('keeps the bar of what waits, and says why', () => {
    expect(textOf(viewOf({}, { state: 'waiting', message: 'cut; next try in 2 s' })).at(-1)).toBe(
      '  demo:v1     [########............] 40%  43.0 MB of 105 MB, cut; next try in 2 s',
    )
  })

  it('says that the centre is down', () => {
    expect(textOf({ ...viewOf({}), isCentreUp: false })[0]).toContain('(the centre is down)')
  })
})

describe('plain lines', () => {
  it('have one for each node', () => {
    expect(drawLines(viewOf({}))).toEqual([
      '0:21  ship: link up, 4 cuts; demo:v1 43.0 MB of 105 MB, 6.1 MB/s, 10s left',
    ])
    expect(drawLines(viewOf({ images: [] }))[0]).toContain('no image yet')
  })
})

it.each([
  [0, '0:00'],
  [61_500, '1:01'],
])('writes %i ms as %s', (ms, text) => {
  expect(clock(ms)).toBe(text)
})
