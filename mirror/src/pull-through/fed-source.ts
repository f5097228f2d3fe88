import type { ContentSource } from '../content.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'

/** An upstream that gives bytes of one blob when a test says so. */
export interface FedSource extends Pick<ContentSource, 'blob'> {
  readonly blob: ContentSource['blob']
  readonly descriptor: Descriptor
  /** Where each request began. */
  readonly offsets: readonly number[]
  /** How many bytes each request asked for. */
  readonly lengths: readonly number[]
  /** Answers requests for a repository with an error from now on. */
  refuse(repository: string, error: Error): void
  /** Lets out the bytes up to this one. */
  feed(until: number): void
  /** Ends the answer that is under way, or the next one, with an error. */
  cut(error: Error): void
}

export function createFedSource(content: Uint8Array, promised: Uint8Array = content): FedSource {
  const offsets: number[] = []
  const lengths: number[] = []
  const refused = new Map<string, Error>()
  let fed = 0
  let failure: Error | undefined
  let news = Promise.withResolvers<void>()
  const tell = (): void => {
    news.resolve()
    news = Promise.withResolvers<void>()
  }

  async function* bytesFrom(offset: number): AsyncGenerator<Uint8Array> {
    for (let at = offset; at < content.length;) {
      const error = failure
      failure = undefined
      if (error) throw error
      const chunk = content.subarray(at, Math.min(fed, at + 10_000))
      at += chunk.length
      if (chunk.length > 0) yield chunk
      else await news.promise
    }
  }

  return {
    descriptor: { mediaType: 'application/octet-stream', digest: digestOf(promised), size: promised.length },
    offsets,
    lengths,
    refuse: (repository, error) => void refused.set(repository, error),
    async blob(repository, _blob, { offset = 0, length = content.length - offset } = {}) {
      const refusal = refused.get(repository)
      if (refusal) throw refusal
      offsets.push(offset)
      lengths.push(length)
      return bytesFrom(offset)
    },
    feed(until) {
      fed = until
      tell()
    },
    cut(error) {
      failure = error
      tell()
    },
  }
}
