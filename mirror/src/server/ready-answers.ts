import type { IncomingMessage, ServerResponse } from 'node:http'
import { isDigest, type Digest } from '../oci/digest.ts'
import type { ContentStore } from '../store/content-store.ts'
import { createRecentlyUsed } from '../store/recently-used.ts'
import type { Answer } from './answer.ts'
import type { HeldBlob, HotBlobs } from './hot-blobs.ts'
import { hasBody } from './hurry.ts'
import { parsePath } from './parse-path.ts'
import { createWholeAnswer, type WholeAnswer } from './whole-answer.ts'

/**
 * Manifests and blobs by the address that was asked for: thousands of nodes ask for the same at once. None to HEAD: a pusher
 * leaves out what it says is here, so the bytes are to be looked at.
 */
export interface ReadyAnswers {
  /** What answers a request, unless it has to be looked up, or `isAllowed` says no. */
  find(request: IncomingMessage, isAllowed: (content: Content) => boolean): ReadyAnswer | undefined
  /** Notes what a request was answered with. */
  note(request: IncomingMessage, answer: Answer): void
}

export interface Content {
  readonly kind: 'manifest' | 'blob'
  readonly repository: string
  readonly digest: Digest
}

export interface ReadyAnswer {
  readonly content: Content
  /** Names and values of all headers by turns. */
  readonly head: string[]
  /** What is short goes with the head in one write. A blob is disposed of when it is sent. */
  readonly body: WholeAnswer | HeldBlob
}

interface Noted extends Pick<ReadyAnswer, 'content' | 'head'> {
  /** Undefined if it is too long. */
  readonly body: WholeAnswer | undefined
  readonly isCurrent: () => boolean
}

/** Longer ones are not copied to go with their head in one write. */
const longestText = 16 * 1024
/** Bytes of all that is noted, and what goes with each address. */
const [most, overhead] = [8 * 1024 * 1024, 2560]

export interface ReadyAnswersOptions {
  readonly store: Pick<ContentStore, 'repository'>
  readonly hotBlobs: Pick<HotBlobs, 'grab'>
  /** How long a connection is kept that asks for nothing more, in milliseconds. */
  readonly keepAliveMs: number
}

export function createReadyAnswers({ store, hotBlobs, keepAliveMs }: ReadyAnswersOptions): ReadyAnswers {
  const noted = createRecentlyUsed<Noted>(most)

  function bodyOf({ content, body }: Noted): ReadyAnswer['body'] | undefined {
    return body ?? (content.kind === 'blob' ? hotBlobs.grab(content.digest) : undefined)
  }

  return {
    find(request, isAllowed) {
      const known = noted.get(request.url ?? '')
      if (!known || !isPlain(request)) return undefined
      if (!known.isCurrent()) {
        noted.delete(request.url ?? '')
        return undefined
      }
      const body = isAllowed(known.content) ? bodyOf(known) : undefined
      return body && { content: known.content, head: known.head, body }
    },

    note({ url = '', method }, answer) {
      const found = contentOf(url, answer)
      if (!found || method !== 'GET') return
      const { content, reference } = found
      const isCurrent = store.repository(content.repository).watch(reference, content.digest)
      if (!isCurrent) return
      const { headers = {}, body } = answer
      const head = Object.entries(headers).flatMap(([name, value]) => [name, String(value)])
      const isShort = body instanceof Uint8Array && body.length <= longestText
      const whole = isShort ? createWholeAnswer({ head, body: latin1(body), keepAliveMs }) : undefined
      // It is there twice once it was asked for.
      noted.set(url, { content, head, body: whole, isCurrent }, 2 * (whole?.length ?? 0) + overhead)
    },
  }
}

/** Asks for all of something, on no conditions. */
function isPlain(request: IncomingMessage): boolean {
  const { headers, method } = request
  return method === 'GET' && headers['if-none-match'] === undefined && headers.range === undefined && !hasBody(request)
}

/** What a request named and got. */
function contentOf(
  url: string,
  { status, headers }: Answer,
): { readonly content: Content; readonly reference: string } | undefined {
  const digest = headers?.['docker-content-digest']
  if (status !== 200 || url.includes('?') || typeof digest !== 'string' || !isDigest(digest)) return undefined
  const path = parsePath(url)
  if (path.kind !== 'manifest' && path.kind !== 'blob') return undefined
  const reference = path.kind === 'manifest' ? (path.reference.digest ?? path.reference.tag) : path.digest
  return { content: { kind: path.kind, repository: path.repository, digest }, reference }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
}

/** Sends all of it. `onSent` is told how many bytes of content that was: of a blob, when the socket has taken them. */
export function sendReady(
  { head, body }: ReadyAnswer,
  request: IncomingMessage,
  response: ServerResponse,
  onSent: ((bytes: number) => void) | undefined,
): void {
  if ('send' in body) {
    body.send(request, response)
    onSent?.(body.length)
    return
  }
  response.writeHead(200, head).end(body.bytes)
  response.once('close', () => {
    body[Symbol.dispose]()
    if (response.writableFinished) onSent?.(body.bytes.length)
  })
}
