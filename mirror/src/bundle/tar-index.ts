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
  const entries = new Map<string, TarEntry>()
  let extended: Extended = {}
  for await (const { type, name, offset, size } of headersOf(file, () => extended.size)) {
    if (type === 'x' || type === 'L') {
      const text = await readExtendedHeader(file, offset, size)
      extended = { ...extended, ...(type === 'x' ? parsePax(text) : { name: cString(text) }) }
    } else if (type !== 'g') {
      const full = (extended.name ?? name).replace(/^(?:\.\/)+/, '')
      if (isRegularFile(type)) entries.set(full, { name: full, offset, size })
      extended = {}
    }
  }
  return entries
}

interface Header extends TarEntry {
  readonly type: string
}

/** All headers of a tar up to its end marker; `sizeBefore` is what an extended header said of the size of the next entry. */
async function* headersOf(file: FileHandle, sizeBefore: () => number | undefined): AsyncGenerator<Header> {
  const { size: end } = await file.stat()
  for (let at = 0; ;) {
    const header = await readExactly(file, at, blockSize)
    if (!header) throw cutOff(end)
    if (header.every((byte) => byte === 0)) return
    checkHeader(header, at)
    const offset = at + blockSize
    const size = checkSize(sizeBefore() ?? parseNumber(header.subarray(124, 136)), at)
    if (offset + size > end) throw cutOff(end)
    yield { type: String.fromCodePoint(header[156] ?? 0), name: headerName(header), offset, size }
    at = offset + Math.ceil(size / blockSize) * blockSize
  }
}

function isRegularFile(type: string): boolean {
  return type === '0' || type === '\0' || type === '7'
}

async function readExtendedHeader(file: FileHandle, offset: number, size: number): Promise<Buffer> {
  if (size > longestExtendedHeader) {
    throw new Fault('corrupt', `the tar is damaged: the extended header at byte ${offset} claims ${size} bytes`)
  }
  return (await readExactly(file, offset, size)) ?? Buffer.alloc(0)
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
function parseNumber(field: Buffer): number {
  const binary = ((field[0] ?? 0) & 0x80) !== 0
  return binary
    ? field.subarray(1).reduce((total, byte) => total * 256 + byte, 0)
    : Number.parseInt(cString(field).trim() || '0', 8)
}

/** Whatever wrote it: with a size below 0 the list would come back to where it was, for ever. */
function checkSize(size: number, offset: number): number {
  if (Number.isSafeInteger(size) && size >= 0) return size
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
