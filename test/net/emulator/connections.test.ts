import { describe, expect, it } from 'vitest'
import { createConnections, type Connections } from './connections.ts'
import { tcpPacket, type PacketFields } from './packet-maker.ts'
import { parseSegment } from './tcp-segment.ts'

const [node, centre] = ['192.0.2.2:40000', '192.0.2.1:80'] as const
type Rest = Omit<PacketFields, 'from' | 'to'>
const up = (rest: Rest): Buffer => tcpPacket({ from: node, to: centre, ...rest })
const down = (rest: Rest): Buffer => tcpPacket({ from: centre, to: node, ...rest })

function greet(connections: Connections, sequence = 100): void {
  connections.see('up', up({ sequence, flags: 'SYN' }))
  connections.see('down', down({ sequence: 500, acknowledgement: sequence + 1, flags: 'SYN ACK' }))
}

const request = 'GET /v2/a/blobs/sha256:ab HTTP/1.1\r\n\r\n'
const answer = (body: string): string => `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`

describe('the connections of a link', () => {
  it('are counted with what they carry, each byte once', () => {
    const connections = createConnections()
    greet(connections)
    connections.see('up', up({ sequence: 101, payload: request }))
    const first = down({ sequence: 501, payload: answer('12345') })
    for (const packet of [first, first]) connections.see('down', packet)
    expect(connections.counts()).toMatchObject({ connections: 1, upBytes: request.length, blobBytes: 5 })
  })

  it('count bodies only towards the node', () => {
    const connections = createConnections()
    connections.see('down', down({ sequence: 500, flags: 'SYN' }))
    connections.see('up', up({ sequence: 100, acknowledgement: 501, flags: 'SYN ACK' }))
    connections.see('down', down({ sequence: 501, payload: request }))
    connections.see('up', up({ sequence: 101, payload: answer('12345') }))
    expect(connections.counts()).toMatchObject({ connections: 1, blobBytes: 0, unreadable: 0 })
  })

  it('are over when both ends said so, or one broke it off', () => {
    const connections = createConnections()
    greet(connections)
    connections.see('up', up({ sequence: 101, flags: 'FIN ACK' }))
    expect(connections.open()).toBe(1)
    connections.see('down', down({ sequence: 501, flags: 'FIN ACK' }))
    expect(connections.open()).toBe(0)
    greet(connections, 9_000)
    connections.see('down', down({ sequence: 501, flags: 'RST' }))
    expect([connections.open(), connections.counts().connections]).toEqual([0, 2])
  })

  it('are told of a reset where each end waits for the next byte', () => {
    const connections = createConnections()
    greet(connections)
    connections.see('up', up({ sequence: 101, acknowledgement: 777, payload: 'x' }))
    const told = connections.reset().map(({ direction, packet }) => [direction, parseSegment(packet)!.sequence])
    expect(new Map(told as [string, number][])).toEqual(
      new Map([
        ['up', 101],
        ['down', 777],
      ]),
    )
    expect(connections.open()).toBe(0)
    expect(connections.see('up', up({ sequence: 102, acknowledgement: 800 }))).toMatchObject({ direction: 'down' })
    expect(connections.see('up', up({ sequence: 102, flags: 'RST' }))).toBe('vanish')
    expect(connections.reset()).toEqual([])
  })

  it('begin anew on ports that were used before a reset, or forgotten', () => {
    const connections = createConnections()
    for (const end of [() => connections.reset(), () => connections.forget()]) {
      greet(connections)
      end()
      expect(connections.see('up', up({ sequence: 102 }))).not.toBe('pass')
      expect(connections.see('up', up({ sequence: 70_000, flags: 'SYN' }))).toBe('pass')
      connections.see('up', up({ sequence: 70_001, flags: 'RST' }))
    }
  })

  it('tell what was in flight when they broke off', () => {
    const connections = createConnections()
    greet(connections)
    connections.see('down', down({ sequence: 501, payload: '1234567890' }))
    connections.see('up', up({ sequence: 101, acknowledgement: 504 }))
    expect(connections.unacknowledgedBytes()).toBe(0)
    connections.reset()
    expect(connections.unacknowledgedBytes()).toBe(7)
    greet(connections, 9_000)
    connections.see('up', up({ sequence: 9_001, acknowledgement: 501 }))
    connections.see('down', down({ sequence: 501, payload: '12345' }))
    connections.see('up', up({ sequence: 9_001, flags: 'RST' }))
    expect(connections.unacknowledgedBytes()).toBe(12)
  })

  it('let pass what is no TCP or began before they looked', () => {
    const connections = createConnections()
    expect(connections.see('up', Buffer.alloc(100))).toBe('pass')
    expect(connections.see('up', up({ sequence: 5, payload: 'x' }))).toBe('pass')
    expect(connections.refuse('up', Buffer.alloc(100))).toBeUndefined()
  })
})
