import { Fault, isFault } from '../../oci/fault.ts'
import { digestOfBlobKey } from '../../store/content/content-keys.ts'
import { publishBlob } from '../../store/content/publish-blob.ts'
import type { OpenUploadOptions, Upload } from '../../store/object-store.ts'
import { headers as names, largestBody } from '../../store/remote/wire.ts'
import { jsonAnswer } from '../answer.ts'
import { readBody } from '../request-body.ts'
import type { ObjectsExchange, ObjectsHandlers } from './objects-exchange.ts'
import { once } from './once.ts'

/**
 * One upload. A piece is appended when all of it has come, so a request whose client went away holds nothing; whose it was
 * does not matter: a piece begins where the upload ends, or it is refused.
 */
export const upload: ObjectsHandlers = {
  async POST(exchange) {
    await using opened = await open(exchange, { create: exchange.query.get('create') !== 'false' })
    return jsonAnswer(200, { size: opened.size })
  },

  async GET(exchange) {
    await using opened = await open(exchange, { create: false })
    const offset = numberIn(exchange.query, 'from') ?? 0
    const end = Math.min(opened.size, numberIn(exchange.query, 'to') ?? Infinity)
    const length = Math.max(0, end - offset)
    return { status: 200, headers: { 'content-length': length }, body: opened.read({ offset, length }) }
  },

  async PATCH(exchange) {
    const offset = Number(exchange.request.headers[names.offset])
    const bytes = await readBody(exchange.request, largestBody)
    return await once(exchange, async () => {
      await using opened = await openAt(offset, exchange)
      try {
        return jsonAnswer(200, {
          size: await opened.append(only(bytes), { isDurable: exchange.query.get('durable') !== 'false' }),
        })
      } catch (error) {
        throw withSize(error, opened.size)
      }
    })
  },

  DELETE: (exchange) =>
    once(exchange, async () => {
      try {
        await using opened = await open(exchange, { create: false })
        await opened.discard()
      } catch (error) {
        if (!isFault(error, 'not-found')) throw error
      }
      return { status: 204 }
    }),
}

/** What becomes an object; a blob only if it has its digest. */
export const publication: ObjectsHandlers = {
  POST: (exchange) =>
    once(exchange, async () => {
      const { objects, digests, query } = exchange
      const key = query.get('key') ?? ''
      await using opened = await openAt(numberIn(query, 'from') ?? 0, exchange)
      const digest = digestOfBlobKey(key)
      const result = digest ? await publishBlob(opened, digest, { objects, digests }) : await opened.publish(key)
      return jsonAnswer(200, { result })
    }),
}

/** With the size that it is to have in the end, room for it is seen to as long as something is written to it. */
async function open({ objects, digests, name, query }: ObjectsExchange, options: OpenUploadOptions): Promise<Upload> {
  return digests.watch(await objects.openUpload(name, { ...options, size: numberIn(query, 'size') }))
}

async function openAt(offset: number, exchange: ObjectsExchange): Promise<Upload> {
  const opened = await open(exchange, { create: false })
  if (opened.size === offset) return opened
  await opened[Symbol.asyncDispose]()
  throw new Fault('conflict', `upload ${opened.id} has another writer`, { details: { size: opened.size } })
}

function withSize(error: unknown, size: number): unknown {
  if (!isFault(error)) return error
  return new Fault(error.code, error.message, { cause: error, details: { ...error.details, size } })
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes
}

function numberIn(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
