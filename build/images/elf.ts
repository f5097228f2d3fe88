/** What machine code is for, as image-spec calls it. */
export type Machine = 'amd64' | 'arm64' | 'other'

/** What the loader reads of a program or a library: elf(5). */
export interface Elf {
  /** The loader, as an absolute path; none in libraries and static programs. */
  readonly interpreter: string | undefined
  /** Names of the libraries that it is loaded with. */
  readonly needed: readonly string[]
}

const machines: ReadonlyMap<number, Machine> = new Map([
  [62, 'amd64'],
  [183, 'arm64'],
])
const segmentTypes = { load: 1, dynamic: 2, interpreter: 3 }
const tags = { end: 0, needed: 1, strings: 5 }

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: number
  readonly size: number
}

/** The machine of a program or library; undefined if the bytes, 20 or more, do not begin one. */
export function machineOf(bytes: Buffer): Machine | undefined {
  if (bytes.toString('latin1', 0, 4) !== '\u007fELF') return undefined
  return machines.get(bytes.readUInt16LE(18)) ?? 'other'
}

/**
 * Reads a file of 64 bits and little endian.
 * @throws Error if it is none
 */
export function readElf(bytes: Buffer): Elf {
  if (machineOf(bytes) === undefined || bytes[4] !== 2 || bytes[5] !== 1)
    throw new Error('not an ELF file of 64 bits, little endian')
  const segments = segmentsOf(bytes)
  const interpreter = segments.find(({ type }) => type === segmentTypes.interpreter)
  return {
    interpreter: interpreter && textAt(bytes, interpreter.offset),
    needed: neededOf(bytes, segments),
  }
}

function segmentsOf(bytes: Buffer): Segment[] {
  const [start, size, count] = [numberAt(bytes, 32), bytes.readUInt16LE(54), bytes.readUInt16LE(56)]
  return Array.from({ length: count }, (_, at) => {
    const header = start + at * size
    return {
      type: bytes.readUInt32LE(header),
      offset: numberAt(bytes, header + 8),
      address: numberAt(bytes, header + 16),
      size: numberAt(bytes, header + 32),
    }
  })
}

function neededOf(bytes: Buffer, segments: readonly Segment[]): string[] {
  const dynamic = segments.find(({ type }) => type === segmentTypes.dynamic)
  if (!dynamic) return []
  const entries: [tag: number, value: number][] = []
  for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += 16) {
    const tag = numberAt(bytes, at)
    if (tag === tags.end) break
    entries.push([tag, numberAt(bytes, at + 8)])
  }
  const strings = offsetOf(segments, entries.find(([tag]) => tag === tags.strings)?.[1] ?? 0)
  return entries.filter(([tag]) => tag === tags.needed).map(([, value]) => textAt(bytes, strings + value))
}

/** Where in the file lies what is loaded to an address. */
function offsetOf(segments: readonly Segment[], address: number): number {
  const segment = segments.find(
    ({ type, address: from, size }) => type === segmentTypes.load && address >= from && address < from + size,
  )
  if (!segment) throw new Error(`the ELF file has nothing at the address ${address}`)
  return address - segment.address + segment.offset
}

function numberAt(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at))
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, bytes.indexOf(0, at))
}
