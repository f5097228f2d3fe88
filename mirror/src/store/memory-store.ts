import type { ObjectInfo, ObjectStore, ReadOptions, Upload } from './object-store.ts'
import { Fault } from '../oci/fault.ts'
import { checkKey, checkUploadId, folderOfPrefix } from './object-key.ts'

interface Entry {
  readonly info: ObjectInfo
  readonly bytes: Uint8Array
}

interface Session {
  chunks: Uint8Array[]
  size: number
  changedAt: number
  busy: boolean
}

export interface MemoryStoreOptions {
  /** Epoch milliseconds. */
  readonly now?: () => number
}

/** An object store that lives as long as its process: for tests, and for a mirror that need not remember. */
export function createMemoryStore({ now = Date.now }: MemoryStoreOptions = {}): ObjectStore {
  const objects = new Map<string, Entry>()
  const sessions = new Map<string, Session>()
  let version = 0

  function put(key: string, bytes: Uint8Array): ObjectInfo {
    const info = { key, size: bytes.length, etag: String(++version), changedAt: now() }
    objects.set(key, { info, bytes: new Uint8Array(bytes) })
    return info
  }

  return {
    async head(key) {
      checkKey(key)
      return objects.get(key)?.info
    },

    async get(key, options) {
      checkKey(key)
      const entry = objects.get(key)
      return entry && { info: entry.info, bytes: chunksOf(entry.bytes, options) }
    },

    async putIfAbsent(key, bytes) {
      checkKey(key)
      return objects.has(key) ? undefined : put(key, bytes)
    },

    async putIfMatch(key, etag, bytes) {
      checkKey(key)
      return objects.get(key)?.info.etag === etag ? put(key, bytes) : undefined
    },

    async delete(key, etag) {
      checkKey(key)
      if (etag !== undefined && objects.get(key)?.info.etag !== etag) return false
      return objects.delete(key)
    },

    async *list(prefix, { after = '' } = {}) {
      folderOfPrefix(prefix)
      const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).toSorted()
      for (const key of keys) {
        const entry = objects.get(key)
        if (entry) yield entry.info
      }
    },

    async openUpload(id, { create = true } = {}) {
      checkUploadId(id)
      if (!create && !sessions.has(id)) throw new Fault('not-found', `there is no upload ${id}`)
      if (!sessions.has(id)) sessions.set(id, { chunks: [], size: 0, changedAt: now(), busy: false })
      return openUpload(id, {
        sessions,
        now,
        putIfAbsent: (key, bytes) => (objects.has(key) ? undefined : put(key, bytes)),
      })
    },

    async *listUploads() {
      for (const [id, { size, changedAt }] of [...sessions].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
        yield { id, size, changedAt }
      }
    },

    [Symbol.asyncDispose]: async () => {},
  }
}

interface UploadContext {
  readonly sessions: Map<string, Session>
  readonly now: () => number
  readonly putIfAbsent: (key: string, bytes: Uint8Array) => ObjectInfo | undefined
}

function openUpload(id: string, { sessions, now, putIfAbsent }: UploadContext): Upload {
  let size = sessions.get(id)?.size ?? 0

  function ours(): Session {
    const session = sessions.get(id)
    if (!session) throw new Fault('not-found', `upload ${id} is gone: it was published, discarded or has expired`)
    if (session.busy || session.size !== size) throw new Fault('conflict', `upload ${id} has another writer`)
    return session
  }

  return {
    id,
    get size() {
      return size
    },

    async append(bytes) {
      const session = ours()
      session.busy = true
      try {
        for await (const chunk of bytes) {
          session.chunks.push(new Uint8Array(chunk))
          size = session.size += chunk.length
          session.changedAt = now()
        }
        return size
      } finally {
        session.busy = false
      }
    },

    async *read(options) {
      const session = sessions.get(id)
      if (session) yield* chunksOf(Buffer.concat(session.chunks), options)
    },

    async publish(key) {
      checkKey(key)
      const stored = putIfAbsent(key, Buffer.concat(ours().chunks))
      sessions.delete(id)
      return stored ? 'created' : 'exists'
    },

    async discard() {
      if (sessions.get(id)?.busy) throw new Fault('conflict', `upload ${id} has another writer`)
      sessions.delete(id)
    },

    [Symbol.asyncDispose]: async () => {},
  }
}

async function* chunksOf(bytes: Uint8Array, { offset = 0, length = Infinity }: ReadOptions = {}) {
  const chunk = new Uint8Array(bytes.subarray(offset, offset + length))
  if (chunk.length > 0) yield chunk
}
