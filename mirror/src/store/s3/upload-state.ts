import * as z from 'zod'
import { inlineCell } from './cell.ts'

/** Bytes of an upload that are an object of their own. */
export interface Segment {
  readonly name: string
  /** Bytes. */
  readonly size: number
}

/** How far an upload came: segments, then crumbs, then its tail. */
export interface UploadState {
  /** What its data object will be called; its segments and crumbs lie in a folder of that name. */
  readonly data: string
  readonly segments: readonly Segment[]
  /** Bytes that are too few for a segment, and were not to stay in memory until there are enough. */
  readonly crumbs: readonly Segment[]
  /** The key of the object that it is about to be; nothing is appended any more. */
  readonly publishing?: string | undefined
}

const segments = z.array(z.object({ name: z.string(), size: z.number() }))
const schema = z.object({
  size: z.number(),
  data: z.string(),
  segments,
  crumbs: segments.default([]),
  publishing: z.string().optional(),
})

/** So much of a state tells the size and the name of its data. */
export const headBytes = 64

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

export function sizeOfState({ segments, crumbs }: Pick<UploadState, 'segments' | 'crumbs'>, tail: Uint8Array): number {
  return [...segments, ...crumbs].reduce((sum, { size }) => sum + size, tail.length)
}

export function stateCell({ data, ...state }: UploadState, tail: Uint8Array): Buffer {
  const line = JSON.stringify({ size: sizeOfState(state, tail), data, ...state })
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

/** What the first bytes of a state tell; undefined if it is none. */
export function parseHead(bytes: Buffer): (Pick<UploadState, 'data'> & { readonly size: number }) | undefined {
  const [, size, data] = /^\{"size":(\d+),"data":"([\w-]+)"/.exec(bytes.toString()) ?? []
  return data === undefined ? undefined : { size: Number(size), data }
}
