import { randomInt } from 'node:crypto'
import type { BytesThere, ContentSource, FetchOptions } from '../content.ts'
import type { Descriptor } from '../oci/descriptor.ts'

export interface SameBytesOptions extends FetchOptions {
  readonly source: Pick<ContentSource, 'blob'>
  readonly sourceRepository: string
}

/** So few bytes are compared all. */
const smallSize = 64 * 1024
/** Of more, so many samples are. */
const samples = 4
const sampleSize = 4 * 1024

interface Part {
  readonly offset: number
  readonly length: number
}

/**
 * Whether a source has what is there of a blob, and not only its name: small ones are compared whole, and samples of others, at
 * places that it cannot foresee. Who lacks a part of the blob does not pass for long; who has most of it may.
 * @throws Fault of the source, such as not-found, or of who reads what is there
 */
export async function hasSameBytes(
  blob: Descriptor,
  there: BytesThere,
  { source, sourceRepository, signal }: SameBytesOptions,
): Promise<boolean> {
  for (const part of partsOf(there.size)) {
    const theirs = await collect(await source.blob(sourceRepository, blob, { ...part, signal }), part)
    const ours = await collect(there.read(part), part)
    if (!ours.equals(theirs)) return false
  }
  return true
}

function partsOf(size: number): Part[] {
  if (size <= smallSize) return [{ offset: 0, length: size }]
  return Array.from({ length: samples }, () => ({ offset: randomInt(size - sampleSize + 1), length: sampleSize }))
}

/** A source on a disk may give all the rest. */
async function collect(bytes: AsyncIterable<Uint8Array>, { length }: Part): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let came = 0
  for await (const chunk of bytes) {
    chunks.push(chunk.slice())
    came += chunk.length
    if (came > length) break
  }
  return Buffer.concat(chunks).subarray(0, length)
}
