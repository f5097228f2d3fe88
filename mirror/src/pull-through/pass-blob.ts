import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { ContentSource } from '../content.ts'
import { noTries, planRetry, type RetryPace, type Tries } from '../copy/plan-retry.ts'
import type { RetryOptions } from '../copy/retry.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, hexOf } from '../oci/digest.ts'
import { Fault, isFault } from '../oci/fault.ts'

export interface PassBlobOptions {
  readonly source: Pick<ContentSource, 'blob'>
  readonly sourceRepository: string
  readonly pace: RetryPace
  readonly pause?: RetryOptions['pause']
  readonly signal: AbortSignal
}

/**
 * A part of a blob from its upstream for one reader, for whom it is not stored. It goes on behind the last byte after a cut. The
 * last byte of a whole blob comes when its digest is proved; who asks for a part proves that himself.
 * @throws Fault unavailable (after some tries) | corrupt, and what else the upstream says
 */
export async function* passBlob(
  blob: Descriptor,
  part: { readonly offset: number; readonly length: number },
  options: PassBlobOptions,
): AsyncGenerator<Uint8Array> {
  const isWhole = part.offset === 0 && part.length === blob.size
  yield* isWhole ? proved(blob, passed(blob, part, options)) : passed(blob, part, options)
}

async function* passed(
  blob: Descriptor,
  { offset, length }: { readonly offset: number; readonly length: number },
  { source, sourceRepository, pace, pause = pauseFor, signal }: PassBlobOptions,
): AsyncGenerator<Uint8Array> {
  const end = offset + length
  let tries: Tries | undefined = noTries
  for (let at = offset; at < end;) {
    const before = at
    try {
      const bytes = await source.blob(sourceRepository, blob, { offset: at, length: end - at, signal })
      for await (const chunk of bytes) {
        const wanted = chunk.subarray(0, end - at)
        at += wanted.length
        yield wanted
        if (at === end) return
      }
      throw new Fault('unavailable', `the answer ended at byte ${at} of ${end} of ${blob.digest}`)
    } catch (error) {
      signal.throwIfAborted()
      tries = isFault(error)
        ? planRetry(error, tries, { pace, random: Math.random(), progressed: at > before })
        : undefined
      if (!tries) throw error
      await pause(tries.delayMs, signal)
    }
  }
}

async function* proved({ digest }: Descriptor, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const hash = createHash(algorithmOf(digest))
  let last: Uint8Array = new Uint8Array()
  for await (const chunk of bytes) {
    hash.update(chunk)
    if (last.length > 0) yield last
    if (chunk.length > 1) yield chunk.subarray(0, -1)
    last = chunk.slice(-1)
  }
  if (hash.digest('hex') !== hexOf(digest)) throw new Fault('corrupt', `what came for ${digest} is something else`)
  if (last.length > 0) yield last
}

async function pauseFor(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal })
}
