import type { ContentSource } from '@stowage/mirror/content'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { Fault } from '@stowage/mirror/oci/fault'
import type { Part } from './part.ts'
import type { PartStore } from './part-store.ts'
import { guardedAgainstStalls } from './stall-guard.ts'
import type { Throttle } from './throttle.ts'

export interface FetchBlobOptions {
  readonly source: ContentSource
  readonly repository: string
  readonly parts: PartStore
  readonly signal: AbortSignal
  /** How long the source may be silent, in milliseconds. */
  readonly stallMs: number
  /** Told of every chunk, in bytes, once it is written. */
  readonly onBytes: (bytes: number) => void
  /** What its bytes are held to; there is no limit if it is absent. */
  readonly throttle?: Pick<Throttle, 'grant' | 'passed'>
}

/**
 * Fetches what is still missing of a blob into its part file; resolves when all of it is there, right and durable.
 * One try: what came stays for the next one.
 * @throws Fault unavailable (cut, stalled) | corrupt (all of it is dropped) | not-found | denied | no-space
 */
export async function fetchBlob(blob: Descriptor, options: FetchBlobOptions): Promise<void> {
  const { parts } = options
  let isRight: boolean
  {
    await using part = await parts.open(blob)
    while (part.length < blob.size) await fetchSome(blob, part, options)
    isRight = await part.isRight()
  }
  if (isRight) return
  await parts.drop(blob.digest)
  throw new Fault('corrupt', `${blob.digest}: all ${blob.size} bytes came, but they are not the promised ones`)
}

/** Fetches as much as may be asked for at once: all that is missing, if there is no limit. */
async function fetchSome(blob: Descriptor, part: Part, options: FetchBlobOptions): Promise<void> {
  const { source, repository, signal, throttle, onBytes } = options
  const offset = part.length
  const length = (await throttle?.grant(blob.digest, signal)) ?? Infinity
  const end = Math.min(blob.size, offset + length)
  // A limit that is set while all of it is on its way holds it, too.
  const granted = length === Infinity ? offset : end
  const range = end < blob.size ? { offset, length } : { offset }
  const bytes = guardedAgainstStalls((either) => source.blob(repository, blob, { ...range, signal: either }), options)
  for await (const chunk of bytes) {
    await part.write(chunk)
    onBytes(chunk.length)
    if (part.length > granted && part.length < blob.size) await throttle?.passed(blob.digest, chunk.length, signal)
  }
  if (part.length >= end) return
  throw new Fault('unavailable', `${blob.digest}: the connection ended after ${part.length} of ${blob.size} bytes`)
}
