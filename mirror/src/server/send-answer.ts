import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { Answer } from './answer.ts'

/** Up to so many bytes, a body that is copied to lie behind its head costs less than one that is written by itself. */
const shortBody = 16 * 1024
/** So long a head waits for the first byte behind it, in milliseconds: clients give up sooner on one that does not come. */
const lateHeadMs = 1000

/**
 * Writes an answer, past fastify's own way: each chunk of a stream goes straight to the socket, none is kept, and a short body
 * goes with the head in one write. `onBytes` is told how much of the body was given to the socket.
 */
export async function sendAnswer(
  reply: FastifyReply,
  { status, headers = {}, body }: Answer,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  const { raw } = reply.headers(headers).hijack()
  const isHead = reply.request.method === 'HEAD'
  if (body === undefined && !isHead && status !== 204 && status !== 304) void reply.header('content-length', 0)
  raw.writeHead(status, reply.getHeaders() as OutgoingHttpHeaders)
  if (body === undefined || isHead) return void raw.end()
  if (!(body instanceof Uint8Array)) return await sendBytes(raw, body, onBytes)
  if (body.length > shortBody) raw.end(body)
  // A character for each byte: only text is joined with the head.
  else raw.end(Buffer.from(body.buffer, body.byteOffset, body.length).toString('latin1'), 'latin1')
  onBytes?.(body.length)
}

/**
 * Sends bytes as fast as the client takes them. Each chunk is with the kernel before the next one is asked for, as its buffer
 * may be used again then; a client that goes away ends the reading at once.
 */
async function sendBytes(
  response: ServerResponse,
  bytes: AsyncIterable<Uint8Array>,
  onBytes: ((bytes: number) => void) | undefined,
): Promise<void> {
  const late = setTimeout(() => response.flushHeaders(), lateHeadMs)
  try {
    for await (const chunk of bytes) {
      if (!response.destroyed) await written(response, chunk)
      if (response.destroyed) return
      onBytes?.(chunk.length)
    }
    response.end()
  } catch (error) {
    // The length is promised already: only a broken connection tells the client that this is not all of it.
    response.destroy()
    throw error
  } finally {
    clearTimeout(late)
  }
}

function written(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const taken = (): void => {
      response.off('close', taken)
      resolve()
    }
    response.once('close', taken)
    response.write(chunk, taken)
  })
}
