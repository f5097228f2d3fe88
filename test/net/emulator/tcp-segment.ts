/** What a link reads of a TCP segment in an IPv4 packet (RFC 791, RFC 9293). */
export interface TcpSegment {
  /** Of four and two bytes, as in the packet. */
  readonly source: Buffer
  readonly target: Buffer
  readonly sourcePort: number
  readonly targetPort: number
  readonly sequence: number
  /** Counts only with `isAck`. */
  readonly acknowledgement: number
  readonly isSyn: boolean
  readonly isAck: boolean
  readonly isFin: boolean
  readonly isReset: boolean
  readonly payload: Buffer
}

const tcp = 6
const flag = { fin: 0x01, syn: 0x02, rst: 0x04, ack: 0x10 }

/** Reads a packet; undefined if it is not TCP over IPv4, or only a later fragment of it. */
export function parseSegment(packet: Buffer): TcpSegment | undefined {
  if (packet.length < 40 || packet[0]! >> 4 !== 4 || packet[9] !== tcp) return undefined
  if ((packet.readUInt16BE(6) & 0x1fff) !== 0) return undefined
  const at = (packet[0]! & 0x0f) * 4
  const end = Math.min(packet.readUInt16BE(2), packet.length)
  if (at + 20 > end) return undefined
  const flags = packet[at + 13]!
  return {
    source: packet.subarray(12, 16),
    target: packet.subarray(16, 20),
    sourcePort: packet.readUInt16BE(at),
    targetPort: packet.readUInt16BE(at + 2),
    sequence: packet.readUInt32BE(at + 4),
    acknowledgement: packet.readUInt32BE(at + 8),
    isFin: (flags & flag.fin) !== 0,
    isSyn: (flags & flag.syn) !== 0,
    isReset: (flags & flag.rst) !== 0,
    isAck: (flags & flag.ack) !== 0,
    payload: packet.subarray(at + (packet[at + 12]! >> 4) * 4, end),
  }
}

/**
 * The packet that ends a connection at once for whoever sent this segment: RST, as a host without the connection
 * answers (RFC 9293, section 3.5.2), in the name of the other end.
 */
export function resetAnswerTo(segment: TcpSegment): Buffer {
  const packet = Buffer.alloc(40)
  packet[0] = 0x45
  packet.writeUInt16BE(packet.length, 2)
  packet[8] = 64
  packet[9] = tcp
  packet.set(segment.target, 12)
  packet.set(segment.source, 16)
  packet.writeUInt16BE(segment.targetPort, 20)
  packet.writeUInt16BE(segment.sourcePort, 22)
  packet[32] = 5 << 4
  if (segment.isAck) {
    packet.writeUInt32BE(segment.acknowledgement, 24)
    packet[33] = flag.rst
  } else {
    packet.writeUInt32BE((segment.sequence + lengthOf(segment)) >>> 0, 28)
    packet[33] = flag.rst | flag.ack
  }
  packet.writeUInt16BE(checksum(packet.subarray(0, 20)), 10)
  packet.writeUInt16BE(checksum(Buffer.concat([pseudoHeader(packet), packet.subarray(20)])), 36)
  return packet
}

/** In sequence numbers. */
function lengthOf({ payload, isSyn, isFin }: TcpSegment): number {
  return payload.length + Number(isSyn) + Number(isFin)
}

function pseudoHeader(packet: Buffer): Buffer {
  return Buffer.concat([packet.subarray(12, 20), Buffer.from([0, tcp, 0, packet.length - 20])])
}

/** RFC 1071, of an even number of bytes. */
function checksum(bytes: Buffer): number {
  let sum = 0
  for (let at = 0; at < bytes.length; at += 2) sum += bytes.readUInt16BE(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}
