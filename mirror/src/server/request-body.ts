import type { IncomingMessage } from 'node:http'
import { Refusal } from './refusal.ts'

/** The bytes of a request. Who stops reading early leaves the connection open, so that the refusal can still be sent. */
export function bodyOf(request: IncomingMessage): AsyncIterable<Uint8Array> {
  return request.iterator({ destroyOnReturn: false })
}

/**
 * The bytes of a request that may not be more than `limit`.
 * @throws Refusal SIZE_INVALID with status 413, as soon as they are known to be more
 */
export async function* bodyUpTo(request: IncomingMessage, limit: number): AsyncGenerator<Uint8Array, void> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
  let left = limit
  for await (const chunk of bodyOf(request)) {
    left -= chunk.length
    if (left < 0) throw tooLarge(limit)
    yield chunk
  }
}

/**
 * The whole body of a request that may not be larger than `limit` bytes.
 * @throws Refusal SIZE_INVALID with status 413, as soon as it is known to be larger
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(bodyUpTo(request, limit)))
}

/** Whether the client went away before all of its request had come. */
export function isAborted(request: IncomingMessage): boolean {
  return request.destroyed && !request.complete
}

/** More than this is not taken of a body that was refused, in bytes and milliseconds. */
const mostDrained = { bytes: 16 * 1024 * 1024, ms: 30_000 }

/**
 * Takes and drops what a handler did not read: Node leaves it in the socket, and the connection could not be used again, or
 * drops it without end. A client that goes on and on after its answer is cut, and so is one that takes for ever.
 */
export function drain(request: IncomingMessage, most: typeof mostDrained = mostDrained): void {
  if (request.complete) return
  let left = most.bytes
  const late = setTimeout(() => request.destroy(), most.ms)
  request.once('close', () => clearTimeout(late))
  request.on('data', ({ length }: Uint8Array) => {
    left -= length
    if (left < 0) request.destroy()
  })
  request.resume()
}

function tooLarge(limit: number): Refusal {
  return new Refusal('SIZE_INVALID', `the request is larger than the ${limit} bytes that are taken here`, {
    status: 413,
  })
}
