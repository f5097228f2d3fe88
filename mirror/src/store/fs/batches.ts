export interface BatchesOptions {
  /** So long a chunk waits for others, in milliseconds, or until the next one comes: what waits is lost with the process. */
  readonly patienceMs?: number
  /** Milliseconds, from any beginning, never going back. */
  readonly monotonicNow?: () => number
}

/**
 * Gathers chunks to at least `size` bytes, so that they can be written with one call; to fewer where they come slowly.
 * When the source fails, what came before is handed out first.
 */
export async function* batches(
  bytes: AsyncIterable<Uint8Array>,
  size: number,
  { patienceMs = 50, monotonicNow = () => performance.now() }: BatchesOptions = {},
): AsyncGenerator<Uint8Array[]> {
  let batch: Uint8Array[] = []
  let gathered = 0
  let begunAt = 0
  let failure: { readonly error: unknown } | undefined
  try {
    for await (const chunk of bytes) {
      const now = monotonicNow()
      if (gathered === 0) begunAt = now
      batch.push(chunk)
      gathered += chunk.length
      if (gathered < size && now - begunAt < patienceMs) continue
      yield batch
      batch = []
      gathered = 0
    }
  } catch (error) {
    failure = { error }
  }
  if (gathered > 0) yield batch
  if (failure) throw failure.error
}
