const [typeA, classIn] = [1, 1]
const [answered, noSuchName] = [0x8580, 0x8583]
const headerSize = 12

/**
 * The answer to a question for the address of a name (RFC 1035), as an authority gives it; for other types than A there is
 * nothing under a name that exists.
 * @param addressOf gives an IPv4 address, or undefined for names that do not exist; it is asked in lower case
 */
export function answerDns(query: Buffer, addressOf: (name: string) => string | undefined): Buffer {
  const { name, type, end } = questionOf(query)
  const address = addressOf(name)
  const hasAnswer = address !== undefined && type === typeA
  const header = Buffer.from(query.subarray(0, headerSize))
  header.writeUInt16BE(address === undefined ? noSuchName : answered, 2)
  for (const [at, count] of [1, hasAnswer ? 1 : 0, 0, 0].entries()) header.writeUInt16BE(count, 4 + 2 * at)
  return Buffer.concat([header, query.subarray(headerSize, end), ...(hasAnswer ? [recordOf(address)] : [])])
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = headerSize
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

function recordOf(address: string): Buffer {
  const pointerToName = 0xc000 + headerSize
  const record = Buffer.alloc(16)
  for (const [at, word] of [pointerToName, typeA, classIn].entries()) record.writeUInt16BE(word, 2 * at)
  record.writeUInt32BE(1, 6) // Seconds that it may be kept.
  record.writeUInt16BE(4, 10)
  Buffer.from(address.split('.').map(Number)).copy(record, 12)
  return record
}
