import type { Descriptor } from '../../oci/descriptor.ts'
import type { BlobIngest } from '../content-store.ts'
import type { Upload } from '../object-store.ts'
import { Fault, isFault } from '../../oci/fault.ts'

interface IngestContext {
  readonly upload: Upload
  /** Held until the ingest is disposed of. */
  readonly turn: Disposable
  readonly publish: () => Promise<void>
  readonly signal: AbortSignal | undefined
}

/** A blob of known digest and size on its way into the store. */
export function createBlobIngest(
  { digest, size }: Descriptor,
  { upload, turn, publish, signal }: IngestContext,
): BlobIngest {
  /** What a failure means to who brings the blob. */
  async function faultOf(error: unknown): Promise<unknown> {
    if (isFault(error, 'corrupt')) await upload.discard()
    if (!isRivalry(error)) return error
    return new Fault('unavailable', `another process brings ${digest} as well`, { cause: error })
  }

  return {
    get offset() {
      return upload.size
    },

    async write(bytes) {
      const tooMany = `more than the ${size} bytes promised came for ${digest}`
      const source = { failure: undefined as unknown }
      try {
        await upload.append(watched(atMost(bytes, size - upload.size, tooMany), source), { signal })
      } catch (error) {
        const isOfSource = error === source.failure && !isFault(error, 'corrupt')
        throw isOfSource ? error : await faultOf(error)
      }
    },

    read: (options) => upload.read(options),

    async commit() {
      const { size: got } = upload
      if (got < size) throw new Fault('unavailable', `only ${got} of the ${size} bytes of ${digest} came so far`)
      try {
        await publish()
      } catch (error) {
        throw await faultOf(error)
      }
    },

    async [Symbol.asyncDispose]() {
      try {
        await upload[Symbol.asyncDispose]()
      } finally {
        turn[Symbol.dispose]()
      }
    },
  }
}

async function* atMost(bytes: AsyncIterable<Uint8Array>, room: number, message: string): AsyncGenerator<Uint8Array> {
  let left = room
  for await (const chunk of bytes) {
    left -= chunk.length
    if (left < 0) throw new Fault('corrupt', message)
    yield chunk
  }
}

/** Notes what the source of bytes failed with, to tell it from what the store says. */
async function* watched(bytes: AsyncIterable<Uint8Array>, source: { failure: unknown }): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    source.failure = error
    throw error
  }
}

/** In this process nobody else writes the blob; over a store that others use, too, one of them may, or may be through. */
function isRivalry(error: unknown): error is Fault {
  if (!isFault(error) || error.details['isFenced'] === true) return false
  return error.code === 'conflict' || error.code === 'not-found'
}
