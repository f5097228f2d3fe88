import type { Ingest } from '../../content.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Upload } from '../object-store.ts'
import { Fault, isFault } from '../../oci/fault.ts'

interface IngestContext {
  readonly upload: Upload
  /** Held until the ingest is disposed of. */
  readonly turn: Disposable
  readonly publish: () => Promise<void>
}

/** A blob of known digest and size on its way into the store. */
export function createBlobIngest({ digest, size }: Descriptor, { upload, turn, publish }: IngestContext): Ingest {
  async function dropIfCorrupt(work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      if (isFault(error, 'corrupt')) await upload.discard()
      throw error
    }
  }

  return {
    get offset() {
      return upload.size
    },

    write(bytes) {
      const tooMany = `more than the ${size} bytes promised came for ${digest}`
      return dropIfCorrupt(upload.append(atMost(bytes, size - upload.size, tooMany)))
    },

    async commit() {
      const { size: got } = upload
      if (got < size) throw new Fault('unavailable', `only ${got} of the ${size} bytes of ${digest} came so far`)
      await dropIfCorrupt(publish())
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
