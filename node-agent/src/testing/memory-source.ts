import type { ContentSource } from '@stowage/mirror/content'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault } from '@stowage/mirror/oci/fault'
import { descriptorOf, parseManifest } from '@stowage/mirror/oci/manifest'

/** What a blob's bytes suffer on the way: cut behind a byte of the blob, silent from there on, or changed there. */
export interface Weather {
  readonly at: number
  readonly what: 'cut' | 'silence' | 'corruption'
}

/** A source in memory whose link can be as bad as a test wants it. */
export interface MemorySource extends ContentSource {
  readonly manifests: Map<Digest, Uint8Array>
  readonly blobs: Map<Digest, Uint8Array>
  /** What happens to the next reads of a blob, each once; then the sun shines. */
  readonly weather: Map<Digest, Weather[]>
  /** Every verb fails with this while it is set. */
  away: Fault | undefined
  /** Which blob bytes were handed out. */
  readonly served: Map<Digest, number>
  /** Called before each chunk. */
  onChunk: (digest: Digest) => void | Promise<void>
}

export function createMemorySource({ chunkBytes = 1000 }: { chunkBytes?: number } = {}): MemorySource {
  const source: MemorySource = {
    manifests: new Map(),
    blobs: new Map(),
    weather: new Map(),
    served: new Map(),
    away: undefined,
    onChunk: () => {},

    async resolve(repository, reference) {
      return descriptorOf(await source.manifest(repository, reference))
    },

    async manifest(repository, reference, { signal } = {}) {
      signal?.throwIfAborted()
      if (source.away) throw source.away
      const raw = source.manifests.get(reference as Digest)
      if (!raw) throw new Fault('not-found', `${repository}@${reference} is not here`)
      return parseManifest(raw, { digest: reference as Digest })
    },

    async blob(repository, blob, { offset = 0, length = Infinity, signal } = {}) {
      signal?.throwIfAborted()
      if (source.away) throw source.away
      const bytes = source.blobs.get(blob.digest)
      if (!bytes) throw new Fault('not-found', `${repository}: blob ${blob.digest} is not here`)
      return read(blob, bytes.subarray(0, offset + length), offset, signal)
    },
  }

  async function* read(
    { digest }: Descriptor,
    bytes: Uint8Array,
    offset: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array> {
    const weather = source.weather.get(digest)?.shift()
    for (let at = offset; at < bytes.length; at += chunkBytes) {
      await source.onChunk(digest)
      signal?.throwIfAborted()
      if (source.away) throw source.away
      const chunk = bytes.slice(at, at + chunkBytes)
      const isNow = weather !== undefined && at + chunk.length > weather.at
      const arrived = isNow ? await suffer(chunk, weather, signal) : chunk
      source.served.set(digest, (source.served.get(digest) ?? 0) + chunk.length)
      yield arrived
    }
  }

  return source
}

async function suffer(chunk: Uint8Array, { what }: Weather, signal: AbortSignal | undefined): Promise<Uint8Array> {
  if (what === 'cut') throw new Fault('unavailable', 'the link was cut')
  return what === 'corruption' ? chunk.map((byte) => byte ^ 1) : forEver(signal)
}

function forEver(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)))
}
