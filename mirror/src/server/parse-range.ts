/** A part of something, in bytes. */
export interface ByteRange {
  readonly offset: number
  readonly length: number
}

/**
 * Which part of `size` bytes a `Range` header asks for (RFC 9110, 14.1.2). Undefined is all of it: no header, another unit,
 * several ranges or no valid header. A last position before the first is called unsatisfiable, as registries do.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first, last] = /^\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*$/i.exec(header ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  return start <= end ? { offset: start, length: end - start + 1 } : 'unsatisfiable'
}

/** Inclusive positions of a pushed chunk. */
export interface ChunkRange {
  readonly start: number
  readonly end: number
}

/**
 * Reads `Content-Range` of a pushed chunk: `start-end`, without unit (distribution-spec, "Pushing a blob in chunks");
 * the HTTP form `bytes start-end/size` is understood as well. Undefined if it is neither.
 */
export function parseContentRange(header: string): ChunkRange | undefined {
  const [, start, end] = /^(?:bytes\s+)?(\d{1,16})-(\d{1,16})(?:\/(?:\d+|\*))?$/.exec(header.trim()) ?? []
  if (start === undefined || end === undefined) return undefined
  return { start: Number(start), end: Number(end) }
}
