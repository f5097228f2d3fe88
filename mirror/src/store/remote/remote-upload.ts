import { setTimeout as delay } from 'node:timers/promises'
import { Fault, isFault } from '../../oci/fault.ts'
import { discard, type Answer } from '../../registry/transport.ts'
import { batches } from '../fs/batches.ts'
import { checkKey } from '../object-key.ts'
import type { Upload } from '../object-store.ts'
import { remoteBody } from './remote-body.ts'
import { onePieceAhead } from './one-piece-ahead.ts'
import type { RemoteConnection } from './remote-connection.ts'
import { documentOf, refusalOf, refusalOfAnswer } from './remote-reply.ts'
import { headers as names, publishedSchema, uploadSchema } from './wire.ts'

export interface RemoteUploadContext {
  readonly connection: RemoteConnection
  /** Ids of uploads that this process writes to now. */
  readonly busy: Set<string>
  /** When it was opened. */
  readonly size: number
  /** What it is to have in the end. */
  readonly promised: number | undefined
  readonly isThere: (key: string) => Promise<boolean>
}

/** So many bytes are sent at a time: they can be sent again after a cut, as nobody could give them a second time. */
const pieceSize = 4 * 1024 * 1024
/** Bytes that come slowly are sent on after this time, in milliseconds: until then they are lost with the process. */
const patienceMs = 500
/** So long a mirror that is away is waited for with pieces at hand, in milliseconds. */
const mirrorPatienceMs = 45_000
const lookAgainMs = 500
/** Pieces that come fast are made durable after this time, in milliseconds, and at the end. */
const syncEveryMs = 1000
const nothing = new Uint8Array()
/** The mirror may have to read all of it. */
const publishMs = 15 * 60_000

/** An upload in another process. What other processes write between two pieces is noticed by where the next one begins. */
export function createRemoteUpload(id: string, context: RemoteUploadContext): Upload {
  const { connection, busy, promised } = context
  const path = `/uploads/${id}`
  let { size } = context
  let syncedAt = performance.now()
  /** Whether all that was appended is durable. */
  let isSynced = true

  async function exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (busy.has(id)) throw new Fault('conflict', `upload ${id} has another writer`)
    busy.add(id)
    try {
      return await work()
    } finally {
      busy.delete(id)
    }
  }

  /**
   * A mirror that is started anew is waited for: what was read ahead would have to be fetched again.
   */
  async function appendPatiently(piece: Uint8Array, signal: AbortSignal): Promise<void> {
    const until = performance.now() + mirrorPatienceMs
    for (let isDoubtful = false; ; isDoubtful = true) {
      try {
        return await append(piece, isDoubtful)
      } catch (error) {
        // What the mirror itself says has a status.
        const isAway = isFault(error, 'unavailable') && error.details['status'] === undefined
        if (!isAway || signal.aborted || performance.now() > until) throw error
      }
      // Being stopped is told by the next try.
      await delay(lookAgainMs, undefined, { signal }).catch(() => undefined)
    }
  }

  async function append(piece: Uint8Array, isDoubtful: boolean): Promise<void> {
    const isDurable = piece.length === 0 || performance.now() - syncedAt > syncEveryMs
    const reply = await connection.ask({
      method: 'PATCH',
      path,
      query: { size: promised, durable: isDurable ? undefined : 'false' },
      headers: { [names.offset]: String(size) },
      body: piece,
    })
    if (reply.status < 300) {
      size = documentOf(reply, uploadSchema).size
      if (isDurable) syncedAt = performance.now()
      isSynced = isDurable
      return
    }
    const refused = refusalOf(reply)
    const there = refused.details['size']
    if (typeof there !== 'number') throw refused
    if (refused.code !== 'conflict') {
      size = there
      throw refused
    }
    const rest = isDoubtful || !reply.isSure ? await lackingOf(piece, there) : undefined
    if (!rest) throw refused
    size = there
    isSynced = false
    if (rest.length > 0) await append(rest, false)
  }

  /** What is still to come of a piece whose answer was lost with the mirror, if what is there is the beginning of it. */
  async function lackingOf(piece: Uint8Array, there: number): Promise<Uint8Array | undefined> {
    const came = there - size
    if (came <= 0 || came > piece.length) return undefined
    const found = await connection.ask({ method: 'GET', path, query: { from: size, to: there } })
    const isOurs = found.status === 200 && Buffer.compare(found.body, piece.subarray(0, came)) === 0
    return isOurs ? piece.subarray(came) : undefined
  }

  return {
    id,
    isProvedByStore: true,
    get size() {
      return size
    },

    append: (bytes, { signal } = {}) =>
      exclusively(async () => {
        const over = signal ? AbortSignal.any([signal, connection.closed]) : connection.closed
        for await (const piece of onePieceAhead(batches(bytes, pieceSize, { patienceMs }))) {
          await appendPatiently(piece.length === 1 ? piece[0]! : Buffer.concat(piece), over)
        }
        if (!isSynced) await append(nothing, false)
        return size
      }),

    async *read({ offset: start = 0, length } = {}) {
      const to = length === undefined ? undefined : start + length
      const reopen = (from: number): Promise<Answer> => connection.open({ method: 'GET', path, query: { from, to } })
      const answer = await reopen(start)
      const end = start + Number(answer.headers['content-length'])
      if (answer.status < 300) yield* remoteBody(answer, { start, end, reopen })
      else if (answer.status === 404) await discard(answer)
      else throw await refusalOfAnswer(answer)
    },

    publish: (key) =>
      exclusively(async () => {
        checkKey(key)
        const query = { key, from: size, size: promised }
        const reply = await connection.ask({
          method: 'POST',
          path: `${path}/publication`,
          query,
          headersMs: publishMs,
        })
        if (reply.status !== 404 || reply.isSure) return documentOf(reply, publishedSchema).result
        // The request whose answer was lost may have published it: whose the object is cannot be told any more.
        if (!(await context.isThere(key))) throw refusalOf(reply)
        return 'exists'
      }),

    discard: () =>
      exclusively(async () => {
        const reply = await connection.ask({ method: 'DELETE', path })
        if (reply.status >= 300) throw refusalOf(reply)
      }),

    [Symbol.asyncDispose]: async () => {},
  }
}
