import type { ContentSource } from '@stowage/mirror/content'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { Fault } from '@stowage/mirror/oci/fault'
import type { PartStore } from './part-store.ts'
import { guardedAgainstStalls } from './stall-guard.ts'

export interface FetchBlobOptions {
  readonly source: ContentSource
  readonly repository: string
  readonly parts: PartStore
  readonly signal: AbortSignal
  /** How long the source may be silent, in milliseconds. */
  readonly stallMs: number
  /** Told of every chunk, in bytes, once it is written; the next one is read when it resolves. */
  readonly onBytes: (bytes: number) => void | Promise<void>
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
    if (part.length < blob.size) {
      for await (const chunk of rest(blob, part.length, options)) {
        await part.write(chunk)
        const passed = options.onBytes(chunk.length)
        if (part.length < blob.size) await passed
      }
    }
    if (part.length < blob.size) {
      throw new Fault('unavailable', `${blob.digest}: the connection ended after ${part.length} of ${blob.size} bytes`)
    }
    isRight = await part.isRight()
  }
  if (isRight) return
  await parts.drop(blob.digest)
  throw new Fault('corrupt', `${blob.digest}: all ${blob.size} bytes came, but they are not the promised ones`)
}

function rest(blob: Descriptor, offset: number, options: FetchBlobOptions): AsyncIterable<Uint8Array> {
  const { source, repository } = options
  return guardedAgainstStalls((signal) => source.blob(repository, blob, { offset, signal }), options)
}
