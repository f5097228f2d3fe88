import type { Descriptor } from '../oci/descriptor.ts'

/** What a request is answered with, before it is written. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | number | string[]>>
  /** A stream may overwrite each chunk as soon as the next one is asked for, and needs `content-length` among the headers. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined
}

/** An answer that is a JSON document. */
export function jsonAnswer(status: number, document: unknown, headers: Answer['headers'] = {}): Answer {
  const body = Buffer.from(JSON.stringify(document))
  return { status, headers: { 'content-type': 'application/json', ...headers, 'content-length': body.length }, body }
}

/** The headers that say which bytes an answer holds, or would hold if it were not one to HEAD. */
export function contentHeaders({ mediaType, digest, size }: Descriptor): Readonly<Record<string, string | number>> {
  return { 'content-type': mediaType, 'content-length': size, 'docker-content-digest': digest, etag: `"${digest}"` }
}
