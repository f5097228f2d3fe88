/**
 * Gathers chunks to at least `size` bytes (the last ones as they are), so that they can be written with one call. When the
 * source fails, what came before is handed out first.
 */
export async function* batches(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array[]> {
  let batch: Uint8Array[] = []
  let gathered = 0
  let failure: { readonly error: unknown } | undefined
  try {
    for await (const chunk of bytes) {
      batch.push(chunk)
      gathered += chunk.length
      if (gathered < size) continue
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
