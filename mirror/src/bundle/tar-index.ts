import type { FileHandle } from 'node:fs/promises'
import { Fault } from '../oci/fault.ts'

/** A file inside a tar: where its bytes lie. */
export interface TarEntry {
  readonly name: string
  /** Offset of its first byte in the tar. */
  readonly offset: number
  /** Bytes. */
  readonly size: number
}

const blockSize = 512
const longestExtendedHeader = 1024 * 1024

/**
 * Lists the regular files of a tar (POSIX ustar and pax, GNU long names and sizes) by reading its headers only, so that
 * each can be read at random without unpacking. Of several entries of one name the last holds, as for `tar -x`.
 * @throws Fault corrupt: not a tar, damaged, or cut off, with the byte where it ends
 */
export async function indexTar(file: FileHandle): Promise<Map<string, TarEntry>> {
  const { size: end } = await file.stat()
  const entries = new Map<string, TarEntry>()
  let extended: Extended = {}
  for (let offset = 0; ;) {
    const header = await readExactly(file, offset, blockSize)
    if (!header) throw cutOff(end)
    if (header.every((byte) => byte === 0)) return entries
    checkHeader(header, offset)
    const size = extended.size ?? parseNumber(header.subarray(124, 136), offset)
    const body = offset + blockSize
    if (body + size > end) throw cutOff(end)
    const type = String.fromCodePoint(header[156] ?? 0)
    if (type === 'x' || type === 'g' || type === 'L') {
      if (size > longestExtendedHeader)
        throw new Fault('corrupt', `tar: the extended header at byte ${offset} claims ${size} bytes`)
      const text = (await readExactly(file, body, size)) ?? Buffer.alloc(0)
      if (type === 'x') extended = { ...extended, ...parsePax(text) }
      if (type === 'L') extended = { ...extended, name: cString(text) }
    } else {
      const name = (extended.name ?? headerName(header)).replace(/^(?:\.\/)+/, '')
      if (type === '0' || type === '\0' || type === '7') entries.set(name, { name, offset: body, size })
      extended = {}
    }
    offset = body + Math.ceil(size / blockSize) * blockSize
  }
}

interface Extended {
  readonly name?: string
  readonly size?: number
}

async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer | undefined> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await file.read(buffer, 0, length, position)
  return bytesRead === length ? buffer : undefined
}

/** The checksum is what tells a header from other bytes: the sum of all bytes with its own field as spaces. */
function checkHeader(header: Buffer, offset: number): void {
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 32 : byte), 0)
  if (sum === Number.parseInt(cString(header.subarray(148, 156)).trim(), 8)) return
  throw new Fault(
    'corrupt',
    offset === 0 ? 'this is not a tar file' : `the tar is damaged: no header at byte ${offset}`,
  )
}

/** Octal text, or GNU's base 256 where the first bit is set. */
function parseNumber(field: Buffer, offset: number): number {
  const binary = ((field[0] ?? 0) & 0x80) !== 0
  const number = binary
    ? field.subarray(1).reduce((total, byte) => total * 256 + byte, 0)
    : Number.parseInt(cString(field).trim() || '0', 8)
  if (Number.isSafeInteger(number) && number >= 0) return number
  throw new Fault('corrupt', `the tar is damaged: no size in the header at byte ${offset}`)
}

function headerName(header: Buffer): string {
  const name = cString(header.subarray(0, 100))
  const isUstar = header.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = isUstar ? cString(header.subarray(345, 500)) : ''
  return prefix ? `${prefix}/${name}` : name
}

function cString(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

/** Records of `LENGTH KEY=VALUE\n` (POSIX pax). */
function parsePax(bytes: Buffer): Extended {
  let found: Extended = {}
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(32, at)
    const length = Number(bytes.toString('utf8', at, space))
    if (space < 0 || !Number.isInteger(length) || length <= space - at) break
    const record = bytes.toString('utf8', space + 1, at + length - 1)
    const equals = record.indexOf('=')
    const value = record.slice(equals + 1)
    if (record.startsWith('path=')) found = { ...found, name: value }
    if (record.startsWith('size=')) found = { ...found, size: Number(value) }
    at += length
  }
  return found
}

function cutOff(end: number): Fault {
  return new Fault('corrupt', `the tar is cut off: it ends at byte ${end} without its end marker`)
}
