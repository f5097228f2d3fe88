import type { Descriptor } from '../oci/descriptor.ts'
import { Fault } from '../oci/fault.ts'
import type { BlobIngest, Repository } from '../store/content-store.ts'
import type { GrowingBlob } from './growing-blob.ts'

export interface Followed {
  readonly blob: Descriptor
  readonly growing: GrowingBlob
  /** Where it is stored in the end. */
  readonly repository: Repository
  /** The way in which it comes now, if it comes. */
  readonly ingest: () => BlobIngest | undefined
}

/**
 * A part of a blob on its way: what is there at once, the rest as it comes, and what is left from the store when all is there.
 * Chunks may be overwritten as soon as the next one is asked for.
 * @throws Fault of the fetch, when it is given up
 */
export async function* followBlob(
  { blob, growing, repository, ingest }: Followed,
  { offset, length }: { readonly offset: number; readonly length: number },
): AsyncGenerator<Uint8Array> {
  const end = offset + length
  for (let at = offset; at < end;) {
    await growing.reaches(at)
    if (growing.isStored) return yield* stored(repository, blob, { offset: at, length: end - at })
    const held = growing.held(at)
    if (held) {
      const chunk = held.subarray(0, end - at)
      at += chunk.length
      yield chunk
      continue
    }
    const before = at
    const behind = ingest()?.read({ offset: at, length: Math.min(end, growing.readable) - at }) ?? []
    for await (const chunk of behind) {
      at += chunk.length
      yield chunk
    }
    // Between its last byte and its being stored a blob cannot be read.
    if (at === before && !growing.isStored) await growing.changed()
  }
}

async function* stored(
  repository: Repository,
  { digest }: Descriptor,
  part: { readonly offset: number; readonly length: number },
): AsyncGenerator<Uint8Array> {
  const object = await repository.openBlob(digest, { ...part, reuseBuffers: true })
  if (!object) throw new Fault('unavailable', `${digest} was deleted while it was read`)
  yield* object.bytes
}
