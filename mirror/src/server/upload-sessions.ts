import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isFault } from '../oci/fault.ts'
import { sessionPrefix } from '../store/content/content-keys.ts'
import type { ContentStore } from '../store/content-store.ts'
import type { OpenUploadOptions, Upload } from '../store/object-store.ts'
import { Refusal } from './refusal.ts'

/** A begun session: its public id and the upload behind it. */
export interface UploadSession {
  readonly session: string
  readonly upload: Upload
}

/** Uploads of clients, each under an id that cannot be guessed and that means something in its repository only. */
export interface UploadSessions {
  begin(repository: string): Promise<UploadSession>
  /** Bytes that came so far, while they may still be coming. @throws Refusal BLOB_UPLOAD_UNKNOWN */
  sizeOf(repository: string, session: string): Promise<number>
  /**
   * Works on a session alone. An earlier request that still waits for bytes is cut: its client came back over another
   * connection, and the dead one may stay unnoticed for long.
   * @throws Refusal BLOB_UPLOAD_UNKNOWN
   */
  take<Result>(options: TakeOptions, work: (upload: Upload) => Promise<Result>): Promise<Result>
}

export interface TakeOptions {
  readonly repository: string
  readonly session: string
  readonly request: IncomingMessage
}

interface Holder {
  readonly request: IncomingMessage
  readonly done: Promise<void>
}

export function createUploadSessions(store: Pick<ContentStore, 'openUpload'>): UploadSessions {
  const holders = new Map<string, Holder>()

  async function open(id: string, options?: OpenUploadOptions): Promise<Upload> {
    try {
      return await store.openUpload(id, options)
    } catch (cause) {
      if (!isFault(cause, 'not-found')) throw cause
      throw new Refusal('BLOB_UPLOAD_UNKNOWN', 'there is no such upload session in this repository', { cause })
    }
  }

  async function alone<Result>(id: string, request: IncomingMessage, work: () => Promise<Result>): Promise<Result> {
    const before = holders.get(id)
    if (before && !before.request.complete) before.request.destroy()
    const { promise: done, resolve } = Promise.withResolvers<void>()
    const holder = { request, done }
    holders.set(id, holder)
    try {
      await before?.done
      return await work()
    } finally {
      if (holders.get(id) === holder) holders.delete(id)
      resolve()
    }
  }

  return {
    async begin(repository) {
      const session = randomBytes(24).toString('base64url')
      return { session, upload: await open(uploadId(repository, session)) }
    },

    async sizeOf(repository, session) {
      await using upload = await open(uploadId(repository, session), { create: false })
      return upload.size
    },

    take({ repository, session, request }, work) {
      const id = uploadId(repository, session)
      return alone(id, request, async () => {
        await using upload = await open(id, { create: false })
        return await work(upload)
      })
    },
  }
}

/** The id in the store binds the repository, so nothing else has to remember to whom a session belongs. */
function uploadId(repository: string, session: string): string {
  return sessionPrefix(repository) + createHash('sha256').update(`${repository}\n${session}`).digest('hex')
}
