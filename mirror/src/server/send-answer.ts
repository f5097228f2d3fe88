import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import type { Answer } from './answer.ts'

/**
 * Writes an answer. Streams bypass fastify's own: each chunk goes straight to the socket, none is kept. `onBytes` is told how
 * much of the body was given to the socket.
 */
export async function sendAnswer(
  reply: FastifyReply,
  { status, headers = {}, body }: Answer,
  onBytes?: (bytes: number) => void,
): Promise<void> {
  reply.code(status).headers(headers)
  if (body === undefined || body instanceof Uint8Array || reply.request.method === 'HEAD') {
    const isHead = reply.request.method === 'HEAD'
    void reply.send(isHead ? undefined : body)
    if (body instanceof Uint8Array && !isHead) onBytes?.(body.length)
    return
  }
  reply.hijack()
  reply.raw.writeHead(status, reply.getHeaders() as Record<string, string>)
  await sendBytes(reply.raw, body, onBytes)
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
