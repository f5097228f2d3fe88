import type { ObjectInfo, StoredObject } from '../../store/object-store.ts'
import { headers as names, largestBody, quoted, unquoted } from '../../store/remote/wire.ts'
import { jsonAnswer, type Answer } from '../answer.ts'
import { readBody } from '../request-body.ts'
import type { ObjectsHandlers } from './objects-exchange.ts'
import { once } from './once.ts'
import { refusal } from './refusal-answer.ts'

/** One object. */
export const keys: ObjectsHandlers = {
  async HEAD({ objects, name }) {
    const info = await objects.head(name)
    return info ? { status: 200, headers: { ...infoHeaders(info), 'content-length': info.size } } : absent(name)
  },

  async GET({ objects, name, request }) {
    const { offset, length } = rangeIn(request.headers.range)
    const object = await objects.get(name, { offset, length, reuseBuffers: true })
    if (!object) return absent(name)
    const { info } = object
    const wanted = request.headers['if-match']
    if (wanted !== undefined && unquoted(wanted) !== info.etag) return await instead(object, changed(name))
    const end = Math.min(info.size, offset + length)
    if (offset > 0 && offset >= info.size) {
      return await instead(object, { status: 416, headers: { ...infoHeaders(info), ...rangeHeader('*', info) } })
    }
    const isPart = offset > 0 || end < info.size
    const sent = { ...infoHeaders(info), 'content-length': end - offset, 'content-type': 'application/octet-stream' }
    const range = isPart ? rangeHeader(`${offset}-${end - 1}`, info) : {}
    return { status: isPart ? 206 : 200, headers: { ...sent, ...range }, body: await bodyOf(object, end - offset) }
  },

  async PUT(exchange) {
    const { objects, name, request } = exchange
    const match = request.headers['if-match']
    const bytes = await readBody(request, largestBody)
    return await once(exchange, async () => {
      const info =
        match === undefined
          ? await objects.putIfAbsent(name, bytes)
          : await objects.putIfMatch(name, unquoted(match), bytes)
      return info ? jsonAnswer(200, info) : changed(name)
    })
  },

  DELETE: (exchange) =>
    once(exchange, async () => {
      const { objects, name, request } = exchange
      const match = request.headers['if-match']
      const isDeleted = await objects.delete(name, match === undefined ? undefined : unquoted(match))
      if (isDeleted) return { status: 204 }
      return (await objects.head(name)) ? changed(name) : absent(name)
    }),
}

function absent(key: string): Answer {
  return refusal(404, { fault: 'not-found', message: `there is no object ${key}` })
}

function changed(key: string): Answer {
  return refusal(412, { fault: 'conflict', message: `${key} is not as the request expects it` })
}

function infoHeaders({ etag, changedAt }: ObjectInfo): Record<string, string> {
  return { etag: quoted(etag), [names.changedAt]: String(changedAt) }
}

function rangeHeader(part: string, { size }: ObjectInfo): Record<string, string> {
  return { 'content-range': `bytes ${part}/${size}` }
}

/** Only what our own client sends. */
function rangeIn(field: string | undefined): { readonly offset: number; readonly length: number } {
  const [, first, last] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(field ?? '') ?? []
  if (first === undefined) return { offset: 0, length: Infinity }
  return { offset: Number(first), length: last ? Math.max(0, Number(last) - Number(first) + 1) : Infinity }
}

/** Up to this many bytes go out with their headers in one write. */
const smallSize = 256 * 1024

async function bodyOf({ bytes }: StoredObject, length: number): Promise<Answer['body']> {
  if (length > smallSize) return await begun(bytes)
  const copies: Uint8Array[] = []
  for await (const chunk of bytes) copies.push(Uint8Array.from(chunk))
  return Buffer.concat(copies)
}

/** With the first piece at hand: that a disk fails to give it can be told until the head is sent, and then there is only a cut. */
async function begun(bytes: AsyncIterable<Uint8Array>): Promise<AsyncIterable<Uint8Array>> {
  const iterator = bytes[Symbol.asyncIterator]()
  const first = await iterator.next()
  const rest = { [Symbol.asyncIterator]: () => iterator }
  return (async function* () {
    try {
      if (!first.done) yield first.value
      yield* rest
    } finally {
      // Also where who asked left with the first piece.
      await iterator.return?.()
    }
  })()
}

async function instead({ bytes }: StoredObject, answer: Answer): Promise<Answer> {
  await bytes[Symbol.asyncIterator]().return?.()
  return answer
}
