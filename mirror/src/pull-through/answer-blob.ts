import type { Logger } from 'pino'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Answer } from '../server/answer.ts'
import { blobAnswer } from '../server/blobs.ts'
import type { Exchange, PathOf } from '../server/exchange.ts'
import { isKnown, unchanged } from '../server/if-none-match.ts'
import { parseRange } from '../server/parse-range.ts'
import type { BlobFetch } from './blob-fetches.ts'
import type { KnownParts } from './known-parts.ts'
import type { Place } from './locate.ts'
import { createSharedWork, type SharedWork } from './shared-work.ts'
import { notYetAnswered, upstreamFault } from './upstream-fault.ts'
import type { Upstream } from './upstream.ts'
import { within } from './within.ts'

export interface AnswerBlobOptions {
  readonly fetchBlob: (place: Place<Upstream>, blob: Descriptor) => BlobFetch
  readonly parts: KnownParts
  readonly signal: AbortSignal
  readonly log: Logger
  /** So long the first byte is waited for before the head of the answer is sent, in milliseconds. */
  readonly patienceMs?: number | undefined
}

/** Answers a request for a blob of an upstream; undefined if the store has it. */
export type AnswerBlob = (
  exchange: Exchange,
  place: Place<Upstream>,
  path: PathOf<'blob'>,
) => Promise<Answer | undefined>

/** containerd waits 30 s for the head of an answer, whatever it waits for. */
const defaultPatienceMs = 20_000

export function createAnswerBlob(options: AnswerBlobOptions): AnswerBlob {
  const { fetchBlob, parts, signal, log, patienceMs = defaultPatienceMs } = options
  const sizes: SharedWork<Descriptor> = createSharedWork()

  /**
   * The upstream's word, or that of a manifest which it gave us, that the repository has this blob.
   * @throws Fault unavailable if it does not answer in time
   */
  async function describe(place: Place<Upstream>, digest: Digest, limitMs: number): Promise<Descriptor> {
    const { upstream, sourceRepository, repository } = place
    const known = parts.find(repository, digest)
    if (known) return known
    const ask = async (): Promise<Descriptor> => {
      const blob = await upstream.source.statBlob(sourceRepository, digest, { signal })
      parts.noteBlob(repository, blob)
      return blob
    }
    const asked = await within(limitMs, sizes.share(`${repository} ${digest}`, ask))
    if (asked) return asked.value
    throw notYetAnswered(place, digest)
  }

  return async (exchange, place, { digest }) => {
    const { store, request, method } = exchange
    const repository = store.repository(place.repository)
    const there = await repository.stat(digest)
    if (there && (await repository.hasBlob(there))) return undefined
    const deadline = performance.now() + patienceMs
    const leftMs = (): number => Math.max(0, deadline - performance.now())
    try {
      const blob = there ?? (await describe(place, digest, leftMs()))
      if (isKnown(exchange, blob)) return unchanged(blob)
      const range = parseRange(method === 'GET' ? request.headers.range : undefined, blob.size)
      if (method === 'HEAD' || range === 'unsatisfiable') return blobAnswer(blob, range, undefined)
      const fetch = fetchBlob(place, blob)
      const { offset, length } = range ?? { offset: 0, length: blob.size }
      await within(leftMs(), fetch.reaches(offset))
      return blobAnswer(blob, range, fetch.read({ offset, length }))
    } catch (error) {
      throw upstreamFault(error, { unknown: 'BLOB_UNKNOWN', place, reference: digest, log })
    }
  }
}
