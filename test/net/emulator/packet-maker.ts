export interface PacketFields {
  /** `ADDRESS:PORT` */
  readonly from: string
  readonly to: string
  readonly sequence?: number
  readonly acknowledgement?: number
  /** Such as `SYN ACK`. */
  readonly flags?: string
  readonly payload?: Buffer | string
}

const bits: Readonly<Record<string, number>> = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16 }

/** A TCP segment in an IPv4 packet, without checksums. */
export function tcpPacket({
  from,
  to,
  sequence = 0,
  acknowledgement = 0,
  flags = 'ACK',
  payload = '',
}: PacketFields): Buffer {
  const packet = Buffer.concat([Buffer.alloc(40), Buffer.from(payload)])
  packet[0] = 0x45
  packet[9] = 6
  packet.writeUInt16BE(packet.length, 2)
  for (const [end, at] of [[from, 0] as const, [to, 1] as const]) {
    const [address = '', port] = end.split(':')
    packet.set(address.split('.').map(Number), 12 + 4 * at)
    packet.writeUInt16BE(Number(port), 20 + 2 * at)
  }
  packet.writeUInt32BE(sequence >>> 0, 24)
  packet.writeUInt32BE(acknowledgement >>> 0, 28)
  packet[32] = 5 << 4
  packet[33] = flags.split(' ').reduce((sum, name) => sum | bits[name]!, 0)
  return packet
}
