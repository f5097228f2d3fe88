import type { Digest, DigestAlgorithm, Digester } from '../../oci/digest.ts'
import type { Upload } from '../object-store.ts'
import { createDigester } from '../../oci/digest.ts'
import { Fault } from '../../oci/fault.ts'

interface Progress {
  readonly algorithm: DigestAlgorithm
  readonly digester: Digester
  /** How many bytes the digester has seen. */
  size: number
  /** The upload's version that has these bytes, where the store tells one. */
  version?: string | undefined
}

/**
 * Digests of uploads, taken while their bytes pass by: a commit need not read back what came in this process. One for an
 * object store: what passes by unseen could be taken for what was seen.
 */
export interface UploadDigests {
  /** The same upload, watched. */
  watch(upload: Upload, algorithm?: DigestAlgorithm): Upload
  /** Reads what is there already, so that watching can go on from its end. */
  catchUp(upload: Upload, algorithm: DigestAlgorithm): Promise<void>
  /** The digest of all bytes so far; reads them unless they were watched. */
  digestOf(upload: Upload, algorithm: DigestAlgorithm): Promise<Digest>
}

/** So many uploads are watched at a time; those touched least recently are read back when they are committed. */
const maxWatched = 1000

export function createUploadDigests(): UploadDigests {
  const watched = new Map<string, Progress>()

  function remember(id: string, progress: Progress): Progress {
    watched.delete(id)
    watched.set(id, progress)
    const [oldest] = watched.keys()
    if (oldest !== undefined && watched.size > maxWatched) watched.delete(oldest)
    return progress
  }

  /** What was seen is worth something only while it is exactly what the store has: a failed write may have kept less. */
  function progressOf({ id, size, version }: Upload, algorithm: DigestAlgorithm): Progress | undefined {
    const progress = watched.get(id)
    if (progress?.size === size && progress.version === version && progress.algorithm === algorithm) return progress
    watched.delete(id)
    return size === 0 ? { algorithm, digester: createDigester(algorithm), size, version } : undefined
  }

  async function readBack(upload: Upload, algorithm: DigestAlgorithm): Promise<Progress> {
    const { version } = upload
    const progress: Progress = { algorithm, digester: createDigester(algorithm), size: 0, version }
    for await (const chunk of upload.read()) note(progress, chunk)
    if (progress.size !== upload.size) throw new Fault('conflict', `upload ${upload.id} has another writer`)
    return progress
  }

  return {
    watch(upload, algorithm = 'sha256') {
      if (upload.isProvedByStore) return upload
      return {
        id: upload.id,
        get size() {
          return upload.size
        },
        get version() {
          return upload.version
        },
        async append(bytes, options) {
          const progress = progressOf(upload, algorithm)
          if (!progress) return await upload.append(bytes, options)
          try {
            return await upload.append(noted(bytes, remember(upload.id, progress)), options)
          } finally {
            progress.version = upload.version
          }
        },
        read: (options) => upload.read(options),
        publish(key) {
          watched.delete(upload.id)
          return upload.publish(key)
        },
        discard() {
          watched.delete(upload.id)
          return upload.discard()
        },
        [Symbol.asyncDispose]: () => upload[Symbol.asyncDispose](),
      }
    },

    async catchUp(upload, algorithm) {
      if (upload.isProvedByStore) return
      if (!progressOf(upload, algorithm)) remember(upload.id, await readBack(upload, algorithm))
    },

    async digestOf(upload, algorithm) {
      const progress = progressOf(upload, algorithm) ?? (await readBack(upload, algorithm))
      watched.delete(upload.id)
      return progress.digester.digest()
    },
  }
}

async function* noted(bytes: AsyncIterable<Uint8Array>, progress: Progress): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    note(progress, chunk)
    yield chunk
  }
}

function note(progress: Progress, chunk: Uint8Array): void {
  progress.digester.update(chunk)
  progress.size += chunk.length
}
