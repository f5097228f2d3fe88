import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** What goes wrong with an answer of a fake registry. */
export interface Trouble {
  /** Only requests whose method and path, such as `GET /v2/app/blobs/…` or `GET storage/…`, match. */
  readonly when: RegExp
  /** How often; always if it is left out. */
  readonly times?: number
  /** Instead of the true answer. */
  readonly answer?: { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  /** These headers are left out. */
  readonly without?: readonly string[]
  /** These headers are other ones. */
  readonly headers?: Readonly<Record<string, string>>
  /** `Range` is not understood: 200 and everything. */
  readonly ignoreRange?: boolean
  /** Other bytes in place of the true ones, under the same digest. */
  readonly bytes?: Uint8Array
  /** After so many bytes of this answer the connection is closed. */
  readonly cutAfter?: number
  /** Nothing is said at all. */
  readonly silentBefore?: boolean
  /** After so many bytes nothing more is said. */
  readonly silentAfter?: number
  /** So many bytes at a time. */
  readonly chunkSize?: number
}

/** The troubles that wait for their requests, in the order in which they were made. */
export interface Troubles {
  add(trouble: Trouble): void
  /** The first that fits a request; it is used up once. */
  take(line: string): Trouble
}

export function createTroubles(): Troubles {
  const waiting: { readonly trouble: Trouble; left: number }[] = []
  return {
    add: (trouble) => void waiting.push({ trouble, left: trouble.times ?? Number.POSITIVE_INFINITY }),
    take(line) {
      const found = waiting.find(({ trouble, left }) => left > 0 && trouble.when.test(line))
      if (found) found.left -= 1
      return found?.trouble ?? { when: /^/ }
    },
  }
}

/** Sends a body as well as the trouble lets it, and counts what went out. */
export async function sendTroubled(
  response: ServerResponse,
  bytes: Uint8Array,
  { trouble, onSent }: { readonly trouble: Trouble; readonly onSent?: (count: number) => void },
): Promise<void> {
  const { cutAfter, silentAfter, chunkSize = 64 * 1024 } = trouble
  const end = Math.min(cutAfter ?? silentAfter ?? bytes.length, bytes.length)
  if (response.req.method === 'HEAD') return void response.end()
  response.flushHeaders()
  const closed = new Promise((resolve) => response.once('close', resolve))
  for (let at = 0; at < end && !response.destroyed; at += chunkSize) {
    const piece = bytes.subarray(at, Math.min(at + chunkSize, end))
    const isTaken = response.write(piece)
    onSent?.(piece.length)
    await (isTaken ? nextTurn() : Promise.race([once(response, 'drain'), closed]))
  }
  if (cutAfter !== undefined) response.socket?.destroySoon()
  else if (silentAfter === undefined) response.end()
}
