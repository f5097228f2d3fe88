import { randomBytes } from 'node:crypto'
import * as z from 'zod'

/**
 * What the bucket has under a key of the store. The service's etags follow from the bytes alone, and two versions must never have
 * the same one: so every cell holds something that no other one does.
 *
 * - `inline`: a line of 64 bytes, then the object's own bytes
 * - `pointer`: shorter than 64 bytes; names the data object that holds the bytes
 * - `grave`: shorter than 64 bytes; the object was deleted, and what it named may still have to be
 *
 * So the size of a cell tells the size of an inline object, and lists need not read those.
 */
export type Cell =
  | { readonly kind: 'inline'; readonly size: number }
  | { readonly kind: 'pointer'; readonly size: number; readonly data: string }
  | { readonly kind: 'grave'; readonly data?: string | undefined }

/** Bytes in front of those of an inline object. */
export const headerLength = 64

const shortSchema = z.union([
  z.object({ data: z.string(), size: z.number().int().nonnegative() }).strict(),
  z.object({ grave: z.string(), data: z.string().optional() }).strict(),
])

/** A name that nobody else gives. */
export function makeName(): string {
  return randomBytes(12).toString('base64url')
}

export function inlineCell(bytes: Uint8Array): Buffer {
  const line = JSON.stringify({ version: makeName() }).padEnd(headerLength - 1)
  return Buffer.concat([Buffer.from(`${line}\n`), bytes])
}

export function pointerCell({ data, size }: { readonly data: string; readonly size: number }): Buffer {
  return Buffer.from(JSON.stringify({ data, size }))
}

export function graveCell(data: string | undefined): Buffer {
  return Buffer.from(JSON.stringify({ grave: makeName(), data }))
}

/**
 * Reads a cell of so many bytes from its first ones, 64 at least if there are so many.
 * @throws Error if nothing of ours is there
 */
export function parseCell(first: Uint8Array, size: number): Cell {
  if (size >= headerLength) return { kind: 'inline', size: size - headerLength }
  const short = shortSchema.parse(JSON.parse(Buffer.from(first).toString()))
  return 'grave' in short ? { kind: 'grave', data: short.data } : { kind: 'pointer', ...short }
}
