import { closeSync, openSync, readSync } from 'node:fs'

const interpreterSegment = 3
const programHeaderSize = 56

/** Whether an ELF program for 64-bit machines runs where there is nothing but itself: no loader, no libraries. */
export function isStaticProgram(file: string): boolean {
  const descriptor = openSync(file, 'r')
  try {
    const header = Buffer.alloc(4096)
    readSync(descriptor, header, 0, header.length, 0)
    const [at, count] = [Number(header.readBigUInt64LE(32)), header.readUInt16LE(56)]
    return Array.from({ length: count }, (_, index) => header.readUInt32LE(at + index * programHeaderSize)).every(
      (type) => type !== interpreterSegment,
    )
  } finally {
    closeSync(descriptor)
  }
}
