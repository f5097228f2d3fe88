import { describe, expect, it } from 'vitest'
import { tcpPacket } from './packet-maker.ts'
import { parseSegment, resetAnswerTo } from './tcp-segment.ts'

const [node, centre] = ['192.0.2.2:40000', '192.0.2.1:80'] as const
const reset = (packet: Buffer) => parseSegment(resetAnswerTo(parseSegment(packet)!))!

describe('a TCP segment', () => {
  it('is read from its packet', () => {
    const packet = tcpPacket({ from: node, to: centre, sequence: 7, acknowledgement: 9, payload: 'hello' })
    expect(parseSegment(packet)).toMatchObject({ sourcePort: 40000, targetPort: 80, sequence: 7, acknowledgement: 9 })
    expect(parseSegment(packet)!.payload.toString()).toBe('hello')
  })

  it('ends where the packet says, not where the bytes do', () => {
    const packet = tcpPacket({ from: node, to: centre, payload: 'hello' })
    expect(parseSegment(Buffer.concat([packet, Buffer.from('!')]))!.payload.toString()).toBe('hello')
  })

  const others: [string, (packet: Buffer) => void][] = [
    ['IPv6', (packet) => (packet[0] = 0x60)],
    ['UDP', (packet) => (packet[9] = 17)],
    ['a later fragment', (packet) => (packet[7] = 1)],
    ['a packet shorter than its header', (packet) => (packet[0] = 0x4f)],
  ]
  it.each(others)('is not seen in %s', (_, change) => {
    const packet = tcpPacket({ from: node, to: centre })
    change(packet)
    expect(parseSegment(packet)).toBeUndefined()
  })
})

describe('the answer that resets', () => {
  it('stands where the sender expects the next byte', () => {
    const answer = reset(tcpPacket({ from: node, to: centre, sequence: 5, acknowledgement: 4_000_000_000 }))
    expect(answer).toMatchObject({ isReset: true, isAck: false, sequence: 4_000_000_000 })
    expect([answer.sourcePort, answer.targetPort, [...answer.source]]).toEqual([80, 40000, [192, 0, 2, 1]])
  })

  it('acknowledges a SYN, or nobody would believe it', () => {
    const answer = reset(tcpPacket({ from: node, to: centre, sequence: 2 ** 32 - 1, flags: 'SYN' }))
    expect(answer).toMatchObject({ isReset: true, isAck: true, acknowledgement: 0 })
  })

  it('has the checksums that RFC 1071 asks for', () => {
    const packet = resetAnswerTo(parseSegment(tcpPacket({ from: node, to: centre, acknowledgement: 123_456_789 }))!)
    expect(sum(packet.subarray(0, 20))).toBe(0xffff)
    const pseudo = Buffer.concat([packet.subarray(12, 20), Buffer.from([0, 6, 0, 20])])
    expect(sum(Buffer.concat([pseudo, packet.subarray(20)]))).toBe(0xffff)
  })
})

/** In ones' complement; all ones where a checksum is right. */
function sum(bytes: Buffer): number {
  let total = 0
  for (let at = 0; at < bytes.length; at += 2) {
    total += bytes.readUInt16BE(at)
    if (total > 0xffff) total -= 0xffff
  }
  return total
}
