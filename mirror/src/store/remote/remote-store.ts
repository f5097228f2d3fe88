import { checkKey, checkUploadId, folderOfPrefix } from '../object-key.ts'
import type { ObjectInfo, ObjectStore, ReadOptions, StoredObject } from '../object-store.ts'
import { readObject } from '../read-object.ts'
import { discard, type Answer } from '../../registry/transport.ts'
import { remoteBody } from './remote-body.ts'
import { openRemoteConnection, type RemoteConnectionOptions, type Reply } from './remote-connection.ts'
import { documentOf, refusalOf, refusalOfAnswer } from './remote-reply.ts'
import { createRemoteUpload } from './remote-upload.ts'
import { headers as names, largestPage, objectInfoSchema, pageSchema } from './wire.ts'
import { quoted, unquoted, uploadSchema, uploadsSchema } from './wire.ts'

/** Up to this many bytes an object is read at once, so that no connection is held for it. */
const smallSize = 256 * 1024
/** The first page of a list is a short one: many look at its beginning only. */
const firstPage = 32

/**
 * Opens the object store that a mirror serves: what is put here is there, durably, and what other processes put is seen at
 * once, as nothing is remembered. Cut connections are got over for some seconds, without doing anything twice; where the
 * mirror dies over a request, what it did is found out by reading it back.
 * @throws Fault invalid if `ca` holds no certificates. From every verb unavailable if the mirror is away, is none, or refuses
 * the token (then denied, where that is final): it is not known what became of a write.
 */
export function openRemoteStore(options: RemoteConnectionOptions): ObjectStore {
  const connection = openRemoteConnection(options)
  const busy = new Set<string>()

  async function head(key: string): Promise<ObjectInfo | undefined> {
    const reply = await connection.ask({ method: 'HEAD', path: pathOf(key) })
    if (reply.status === 404) return undefined
    if (reply.status >= 300) throw refusalOf(reply)
    return infoIn(key, reply)
  }

  async function get(
    key: string,
    { offset = 0, length = Infinity }: ReadOptions = {},
  ): Promise<StoredObject | undefined> {
    const path = pathOf(key)
    if (length <= 0) return await head(key).then((info) => info && { info, bytes: nothing() })
    const isPart = offset > 0 || length < Infinity
    const headers = isPart ? rangeHeader(offset, offset + length) : {}
    const answer = await connection.open({ method: 'GET', path, headers })
    if (answer.status === 404 || answer.status === 416) {
      await discard(answer)
      return answer.status === 404 ? undefined : { info: infoIn(key, answer), bytes: nothing() }
    }
    if (answer.status >= 300) throw await refusalOfAnswer(answer)
    const info = infoIn(key, answer)
    const end = Math.min(info.size, offset + length)
    const reopen = (start: number): Promise<Answer> =>
      connection.open({ method: 'GET', path, headers: { ...rangeHeader(start, end), 'if-match': quoted(info.etag) } })
    const bytes = remoteBody(answer, { start: offset, end, reopen })
    return { info, bytes: end - offset > smallSize ? bytes : await readNow(bytes) }
  }

  async function put(key: string, headers: Record<string, string>, bytes: Uint8Array): Promise<ObjectInfo | undefined> {
    const reply = await connection.ask({ method: 'PUT', path: pathOf(key), headers, body: bytes })
    if (reply.status !== 412) return documentOf(reply, objectInfoSchema)
    if (reply.isSure) return undefined
    // The answer to the first try was lost with the mirror: it may be our own write that stands in the way.
    const there = await readObject({ get }, key, { length: bytes.length + 1 })
    return there?.bytes.equals(bytes) ? there.info : undefined
  }

  return {
    head,
    get,
    putIfAbsent: (key, bytes) => put(key, { 'if-none-match': '*' }, bytes),
    putIfMatch: (key, etag, bytes) => put(key, { 'if-match': quoted(etag) }, bytes),

    async delete(key, etag) {
      const headers = etag === undefined ? {} : { 'if-match': quoted(etag) }
      const reply = await connection.ask({ method: 'DELETE', path: pathOf(key), headers })
      if (reply.status === 412) return false
      if (reply.status === 404) return !reply.isSure
      if (reply.status >= 300) throw refusalOf(reply)
      return true
    },

    async *list(prefix, { after, bringUpTo } = {}) {
      folderOfPrefix(prefix)
      for (let behind = after, limit = firstPage; ; limit = Math.min(largestPage, limit * 8)) {
        const query = { prefix, after: behind, limit, bring: bringUpTo }
        const { objects, more } = documentOf(await connection.ask({ method: 'GET', path: '/list', query }), pageSchema)
        for (const { content, ...info } of objects) {
          yield content === undefined ? info : { ...info, bytes: Buffer.from(content, 'base64') }
        }
        if (!more) return
        behind = objects.at(-1)?.key
      }
    },

    async openUpload(id, { create = true, size: promised } = {}) {
      checkUploadId(id)
      const query = { create: String(create), size: promised }
      const reply = await connection.ask({ method: 'POST', path: `/uploads/${id}`, query })
      const { size } = documentOf(reply, uploadSchema)
      const isThere = async (key: string): Promise<boolean> => (await head(key)) !== undefined
      return createRemoteUpload(id, { connection, busy, size, promised, isThere })
    },

    async *listUploads() {
      yield* documentOf(await connection.ask({ method: 'GET', path: '/uploads' }), uploadsSchema).uploads
    },

    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}

/** @throws Fault invalid; all characters of a key stand in a path as they are */
function pathOf(key: string): string {
  checkKey(key)
  return `/keys/${key}`
}

function rangeHeader(start: number, end: number): Record<string, string> {
  return { range: `bytes=${start}-${Number.isFinite(end) ? end - 1 : ''}` }
}

function infoIn(key: string, { headers }: Pick<Reply, 'headers'>): ObjectInfo {
  const field = (name: string): string => String(headers[name] ?? '')
  const [, total] = /\/(\d+)$/.exec(field('content-range')) ?? []
  return {
    key,
    size: Number(total ?? field('content-length')),
    etag: unquoted(field('etag')),
    changedAt: Number(field(names.changedAt)),
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function readNow(bytes: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const chunks = await Array.fromAsync(bytes)
  return (async function* () {
    yield* chunks
  })()
}
