import * as z from 'zod'
import { inlineCell } from './cell.ts'

/** Bytes of an upload that are an object of their own. */
export interface Segment {
  readonly name: string
  /** Bytes. */
  readonly size: number
}

/** How far an upload came. Behind the segments follows its tail: bytes that are too few for one. */
export interface UploadState {
  /** What its data object will be called; its segments lie in a folder of that name. */
  readonly data: string
  readonly segments: readonly Segment[]
  /** The key of the object that it is about to be; nothing is appended any more. */
  readonly publishing?: string | undefined
}

const schema = z.object({
  size: z.number(),
  data: z.string(),
  segments: z.array(z.object({ name: z.string(), size: z.number() })),
  publishing: z.string().optional(),
})

/** So much of a state tells the size. */
export const sizeBytes = 32

const smallestSegment = 8 * 1024 * 1024
/** A service joins 10,000 parts at most. */
const segmentsOfOneSize = 1000

/**
 * How many bytes the next segment has: more and more, so that an upload whose size nobody said may have hundreds of gigabytes.
 * Below 5 MiB no service joins them.
 */
export function nextSegmentSize(count: number): number {
  return smallestSegment * 2 ** Math.floor(count / segmentsOfOneSize)
}

export function sizeOfState({ segments }: UploadState, tail: Uint8Array): number {
  return segments.reduce((sum, { size }) => sum + size, tail.length)
}

export function stateCell(state: UploadState, tail: Uint8Array): Buffer {
  const line = JSON.stringify({ size: sizeOfState(state, tail), ...state })
  return inlineCell(Buffer.concat([Buffer.from(`${line}\n`), tail]))
}

/** @throws Error if it is none */
export function parseState(bytes: Buffer): { readonly state: UploadState; readonly tail: Buffer } {
  const end = bytes.indexOf('\n')
  const { size, ...state } = schema.parse(JSON.parse(bytes.subarray(0, end).toString()))
  const tail = bytes.subarray(end + 1)
  if (size !== sizeOfState(state, tail)) throw new Error('a state of an upload has not the bytes that it says')
  return { state, tail }
}

/** The size of an upload, from the first bytes of its state. */
export function parseSize(bytes: Buffer): number {
  return Number(/^\{"size":(\d+),/.exec(bytes.toString())?.[1] ?? 0)
}
