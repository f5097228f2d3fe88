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
 * A part of a blob from its upstream for who cannot have it stored. It goes on behind the last byte after a cut, and proves
 * nothing.
 * @throws Fault unavailable (after some tries), and what else the upstream says
 */
export async function* passBlob(
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

/**
 * All bytes of a blob; the last of them come when the digest is proved, unless somebody else has proved it by then.
 * @throws Fault corrupt
 */
export async function* proved(
  { digest, size }: Descriptor,
  bytes: AsyncIterable<Uint8Array>,
  isProved: () => boolean = () => false,
): AsyncGenerator<Uint8Array> {
  const hash = createHash(algorithmOf(digest))
  let left = size
  const check = (): void => {
    if (left > 0 || isProved() || hash.digest('hex') === hexOf(digest)) return
    throw new Fault('corrupt', `what came for ${digest} is something else`)
  }
  if (size === 0) check()
  for await (const chunk of bytes) {
    if (!isProved()) hash.update(chunk)
    left -= chunk.length
    check()
    yield chunk
  }
}

async function pauseFor(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal })
}
