import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createByteStream } from './byte-stream.ts'
import { tcpPacket } from './packet-maker.ts'
import { parseSegment, type TcpSegment } from './tcp-segment.ts'

const segment = (sequence: number, payload = '', flags = 'ACK'): TcpSegment =>
  parseSegment(tcpPacket({ from: '192.0.2.1:80', to: '192.0.2.2:4000', sequence, payload, flags }))!

function heard(segments: readonly TcpSegment[]): { text: string; isOver: boolean } {
  let text = ''
  const stream = createByteStream((bytes) => (text += bytes.toString()))
  for (const taken of segments) stream.take(taken)
  return { text, isOver: stream.isOver() }
}

describe('a byte stream', () => {
  it('gives each byte once and in order, whatever was sent again, split or seen too late', () => {
    const pieces = fc.array(fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 20 })), { maxLength: 30 })
    fc.assert(
      fc.property(
        fc.nat(2 ** 32 - 1),
        pieces,
        fc.string({ unit: 'grapheme-ascii', minLength: 60 }),
        (first, cuts, text) => {
          const cut = ([at, length]: [number, number]) => segment(first + 1 + at, text.slice(at, at + length))
          const again = Array.from({ length: text.length }, (_, at) => cut([at, 1]))
          const fin = segment(first + 1 + text.length, '', 'FIN ACK')
          const all = [segment(first, '', 'SYN'), ...cuts.map(cut), fin, ...again.toReversed(), ...again]
          expect(heard(all)).toEqual({ text, isOver: true })
        },
      ),
    )
  })

  it('waits for what it has not seen', () => {
    const segments = [segment(9, '', 'SYN'), segment(13, 'd'), segment(14, '', 'FIN ACK')]
    expect(heard(segments)).toEqual({ text: '', isOver: false })
    expect(heard([...segments, segment(10, 'abc')])).toEqual({ text: 'abcd', isOver: true })
  })

  it('counts nothing for a probe of a connection that is idle', () => {
    expect(heard([segment(9, '', 'SYN'), segment(10, 'a'), segment(10, ''), segment(10, 'a')]).text).toBe('a')
  })

  it('says nothing of a connection whose beginning it did not see', () => {
    expect(heard([segment(9, 'abc')]).text).toBe('')
  })
})
