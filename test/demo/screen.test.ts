import { describe, expect, it } from 'vitest'
import type { DemoView } from './demo-view.ts'
import { createScreen, type Output } from './screen.ts'

const view: DemoView = { phase: 'Working', elapsedMs: 1000, isCentreUp: true, nodes: [] }

function screenOn(output: Partial<Output>) {
  const written: string[] = []
  const out: Output = { ...output, write: (text) => written.push(text) }
  return { screen: createScreen({ out, elapsedMs: () => 2000 }), written }
}

describe('on a terminal', () => {
  it('the block is taken back before anything else is written', () => {
    const { screen, written } = screenOn({ isTTY: true, columns: 40, rows: 10 })
    screen.show(view)
    screen.say('killed')
    screen.note('small')
    screen.clear()
    screen.clear()
    const block = '\n0:01  Working\n'
    const back = '\r\u001b[2A\u001b[J'
    expect(written).toEqual([block, `${back}0:02  killed\n${block}`, back, ''])
  })

  it('no line is wider and no block higher than it', () => {
    const { screen, written } = screenOn({ isTTY: true, columns: 12, rows: 2 })
    const bell = `${String.fromCodePoint(7)}Working hard`
    screen.show({ ...view, phase: bell })
    expect(written).toEqual(['\n'])
    const wide = screenOn({ isTTY: true, columns: 12, rows: 10 })
    wide.screen.show({ ...view, phase: bell })
    expect(wide.written).toEqual(['\n0:01   Work\n'])
  })
})

describe('elsewhere', () => {
  it('every line stays, and the state is told every few seconds', () => {
    const { screen, written } = screenOn({})
    const nodes = [
      { name: 'shop', link: 'up', cuts: 0, downBytes: 0, bytesPerSecond: 0, agent: 'running', images: [] },
    ] as const
    for (const elapsedMs of [0, 1000, 4999, 5000]) screen.show({ ...view, elapsedMs, nodes })
    screen.note('cut')
    screen.clear()
    expect(written).toEqual([
      '0:00  shop: link up, 0 cuts; no image yet\n',
      '0:05  shop: link up, 0 cuts; no image yet\n',
      '0:02  cut\n',
    ])
  })
})
