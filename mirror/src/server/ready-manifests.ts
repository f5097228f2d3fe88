import type { IncomingMessage, ServerResponse } from 'node:http'
import { isDigest, type Digest } from '../oci/digest.ts'
import type { ContentStore } from '../store/content-store.ts'
import { createRecentlyUsed } from '../store/recently-used.ts'
import type { Answer } from './answer.ts'
import { hasBody } from './hurry.ts'
import { parsePath } from './parse-path.ts'

/** Answers that name a manifest, by the address that was asked for: thousands of nodes ask for the same at once. */
export interface ReadyManifests {
  /** What answers a request, unless it has to be looked up. Whether the client may have it is for the caller to see to. */
  find(request: IncomingMessage): ReadyManifest | undefined
  /** Notes what a request was answered with. */
  note(request: IncomingMessage, answer: Answer): void
}

export interface ReadyManifest {
  readonly repository: string
  readonly digest: Digest
  /** Names and values of all headers by turns. */
  readonly head: string[]
  /** A character for each byte, so that it goes with the head in one write; undefined if nobody asked for more than that so far. */
  readonly text: string | undefined
}

interface Noted extends ReadyManifest {
  readonly isCurrent: () => boolean
}

/** Longer ones do not go with their head in one write. */
const longestText = 16 * 1024
/** Bytes of all that is noted, and what goes with each manifest. */
const [most, overhead] = [8 * 1024 * 1024, 1024]

export function createReadyManifests(store: Pick<ContentStore, 'repository'>): ReadyManifests {
  const noted = createRecentlyUsed<Noted>(most)

  return {
    find(request) {
      const { method, url = '', headers } = request
      if (method !== 'GET' && method !== 'HEAD') return undefined
      const known = noted.get(url)
      if (!known || headers['if-none-match'] !== undefined || hasBody(request)) return undefined
      if (known.isCurrent()) return method === 'HEAD' || known.text !== undefined ? known : undefined
      noted.delete(url)
      return undefined
    },

    note({ url = '' }, answer) {
      const named = nameOf(url, answer)
      if (!named) return
      const { repository, reference, digest } = named
      const isCurrent = store.repository(repository).watchManifest(reference, digest)
      if (!isCurrent) return
      const { headers = {}, body } = answer
      const head = Object.entries(headers).flatMap(([name, value]) => [name, String(value)])
      const text = body instanceof Uint8Array ? Buffer.from(body).toString('latin1') : undefined
      noted.set(url, { repository, digest, head, text, isCurrent }, (text?.length ?? 0) + overhead)
    },
  }
}

/** What a request named and got, if that is a manifest whose answer can be kept. */
function nameOf(
  url: string,
  { status, headers, body }: Answer,
): { readonly repository: string; readonly reference: string; readonly digest: Digest } | undefined {
  const digest = headers?.['docker-content-digest']
  if (status !== 200 || url.includes('?') || typeof digest !== 'string' || !isDigest(digest)) return undefined
  if (body !== undefined && !(body instanceof Uint8Array && body.length <= longestText)) return undefined
  const path = parsePath(url)
  if (path.kind !== 'manifest') return undefined
  return { repository: path.repository, reference: path.reference.digest ?? path.reference.tag, digest }
}

/** Sends all of it, or to HEAD the head; tells how many bytes of the manifest those are. */
export function sendReady({ head, text = '' }: ReadyManifest, response: ServerResponse): number {
  response.writeHead(200, head)
  const isHead = response.req.method === 'HEAD'
  response.end(isHead ? undefined : text, 'latin1')
  return isHead ? 0 : text.length
}
