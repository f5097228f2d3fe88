import type { ContentSource } from '@stowage/mirror/content'

/** A source that tells how many bytes of blobs come from it. */
export function meteredSource(source: ContentSource, onBytes: (bytes: number) => void): ContentSource {
  return {
    ...source,
    blob: async (...args) => counted(await source.blob(...args), onBytes),
  }
}

async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    onBytes(chunk.length)
    yield chunk
  }
}
