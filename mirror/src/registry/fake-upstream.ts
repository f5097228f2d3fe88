import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import { mediaTypes } from '../oci/media-type.ts'
import { createFakeDoor, type FakeAccess } from './fake-access.ts'
import { createTroubles, sendTroubled, type Trouble } from './fake-trouble.ts'

/** A request as it came in; `server` says at which of the two ports. */
export interface SeenRequest {
  readonly server: 'registry' | 'storage'
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface FakeUpstreamOptions {
  readonly access?: FakeAccess
  /** Blobs are redirected to a second port, which refuses requests that carry an Authorization. */
  readonly redirectBlobs?: boolean
  /** How many referrers are on a page; without it there is no referrers API. */
  readonly referrersPerPage?: number
  readonly tls?: { readonly key: string; readonly cert: string }
}

/** A registry to be read from, in this process, that behaves as badly as it is told to. For tests. */
export interface FakeUpstream extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  readonly requests: SeenRequest[]
  /** Bytes of blobs that were sent. */
  readonly blobBytesSent: number
  addBlob(bytes: Uint8Array | string, mediaType?: string): Descriptor
  addManifest(repository: string, document: object, options?: { readonly tag?: string }): Descriptor
  trouble(trouble: Trouble): void
  expireTokens(): void
}

interface Stored {
  readonly bytes: Uint8Array
  readonly mediaType: string
  readonly digest: string
}

interface Exchange {
  readonly seen: SeenRequest
  readonly response: ServerResponse
  readonly trouble: Trouble
}

export async function openFakeUpstream(options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
  const requests: SeenRequest[] = []
  const stored = new Map<string, Stored>()
  const troubles = createTroubles()
  const scheme = options.tls ? 'https' : 'http'
  const door = createFakeDoor(options.access ?? { kind: 'open' }, () => `${scheme}://${host}`)
  const tokenPath = (options.access?.kind === 'token' && options.access.tokenPath) || '/token'
  let blobBytesSent = 0

  const registry = createFakeServer(listener('registry', serveRegistry), options.tls)
  const storage = createFakeServer(listener('storage', serveStorage), options.tls)
  const host = await listen(registry)
  const storageHost = await listen(storage)

  function listener(server: SeenRequest['server'], serve: (exchange: Exchange) => void): RequestListener {
    const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString()
      const seen = { server, method: request.method ?? '', path: request.url ?? '', headers: request.headers, body }
      requests.push(seen)
      response.on('error', () => undefined)
      serve({
        seen,
        response,
        trouble: troubles.take(`${seen.method} ${server === 'storage' ? server : ''}${seen.path}`),
      })
    }
    return (request, response) => void take(request, response)
  }

  function serveRegistry(exchange: Exchange): void {
    const { seen, response, trouble } = exchange
    if (trouble.silentBefore) return
    const [, repository = '', kind, reference = ''] = /^\/v2\/(.+)\/(manifests|blobs)\/([^/?]+)$/.exec(seen.path) ?? []
    if (trouble.answer) return answer(response, trouble.answer)
    if (seen.path.startsWith(tokenPath)) return serveToken(exchange)
    const challenge = door.refusal(seen.headers.authorization, repository)
    if (challenge !== undefined) {
      return answerError(response, 401, ['UNAUTHORIZED', 'authentication required'], { 'www-authenticate': challenge })
    }
    if (seen.path === '/v2/') return answerJson(response, 200, {})
    if (seen.path.includes('/referrers/')) return serveReferrers(exchange)
    if (kind === 'manifests') return serveManifest(stored.get(`${repository} ${reference}`), exchange)
    if (!options.redirectBlobs) return serveBlob(stored.get(reference), exchange)
    answer(response, { status: 307, headers: { location: `${scheme}://${storageHost}/${reference}?signature=secret` } })
  }

  function serveStorage(exchange: Exchange): void {
    const { seen, response, trouble } = exchange
    if (trouble.answer) return answer(response, trouble.answer)
    if (seen.headers.authorization) return answer(response, { status: 400, body: 'only one auth mechanism is allowed' })
    serveBlob(stored.get(seen.path.slice(1).split('?')[0] ?? ''), exchange)
  }

  function serveToken({ seen, response }: Exchange): void {
    const token = door.tokenFor({ ...seen, authorization: seen.headers.authorization })
    if (token) answerJson(response, 200, token)
    else answerError(response, 401, ['UNAUTHORIZED', 'incorrect username or password'])
  }

  function serveReferrers({ seen, response }: Exchange): void {
    const { pathname, searchParams } = new URL(seen.path, 'http://fake')
    const [, repository = '', subject = ''] = /^\/v2\/(.+)\/referrers\/(.+)$/.exec(pathname) ?? []
    const { referrersPerPage: limit } = options
    if (limit === undefined) return answerError(response, 404, ['NOT_FOUND', 'page not found'])
    const all = referrersOf(stored, repository, subject)
    const start = Number(searchParams.get('start') ?? 0)
    const next = start + limit < all.length ? { link: `<${pathname}?start=${start + limit}>; rel="next"` } : {}
    const manifests = all.slice(start, start + limit)
    answerJson(
      response,
      200,
      { schemaVersion: 2, mediaType: mediaTypes.index, manifests },
      {
        'content-type': mediaTypes.index,
        ...next,
      },
    )
  }

  function serveManifest(manifest: Stored | undefined, { seen, response, trouble }: Exchange): void {
    if (!manifest) return answerError(response, 404, ['MANIFEST_UNKNOWN', 'manifest unknown'])
    const bytes = trouble.bytes ?? manifest.bytes
    response.writeHead(200, headersOf(manifest, bytes.length, trouble))
    if (seen.method === 'HEAD') response.end()
    else void sendTroubled(response, bytes, { trouble })
  }

  function serveBlob(blob: Stored | undefined, { seen, response, trouble }: Exchange): void {
    if (!blob) return answerError(response, 404, ['BLOB_UNKNOWN', 'blob unknown'])
    const bytes = trouble.bytes ?? blob.bytes
    const [, from, last] = (!trouble.ignoreRange && /^bytes=(\d+)-(\d*)$/.exec(seen.headers.range ?? '')) || []
    const start = Number(from ?? 0)
    if (from !== undefined && start >= bytes.length) return answer(response, { status: 416 })
    const end = last ? Math.min(bytes.length, Number(last) + 1) : bytes.length
    const range = { 'content-range': `bytes ${start}-${end - 1}/${bytes.length}` }
    const headers = headersOf(blob, end - start, trouble)
    response.writeHead(from === undefined ? 200 : 206, from === undefined ? headers : { ...range, ...headers })
    void sendTroubled(response, bytes.subarray(start, end), { trouble, onSent: (count) => (blobBytesSent += count) })
  }

  function store(key: string, content: Uint8Array | string, mediaType: string): Descriptor {
    const bytes = Buffer.from(content)
    const digest = digestOf(bytes)
    stored.set(key || digest, { bytes, mediaType, digest })
    return { mediaType, digest, size: bytes.length }
  }

  return {
    host,
    requests,
    get blobBytesSent() {
      return blobBytesSent
    },
    addBlob: (bytes, mediaType = mediaTypes.layer) => ({ ...store('', bytes, 'application/octet-stream'), mediaType }),
    addManifest(repository, document, { tag } = {}) {
      const text = JSON.stringify(document)
      const mediaType = 'mediaType' in document ? String(document.mediaType) : mediaTypes.manifest
      if (tag !== undefined) store(`${repository} ${tag}`, text, mediaType)
      return store(`${repository} ${digestOf(text)}`, text, mediaType)
    },
    trouble: (trouble) => troubles.add(trouble),
    expireTokens: () => door.expireTokens(),
    async [Symbol.asyncDispose]() {
      await Promise.all([close(registry), close(storage)])
    },
  }
}

function referrersOf(stored: ReadonlyMap<string, Stored>, repository: string, subject: string): object[] {
  return [...stored].flatMap(([key, { bytes, mediaType, digest }]) => {
    if (key !== `${repository} ${digest}`) return []
    const document = JSON.parse(Buffer.from(bytes).toString()) as { subject?: Descriptor; artifactType?: string }
    const { artifactType } = document
    return document.subject?.digest === subject ? [{ mediaType, digest, size: bytes.length, artifactType }] : []
  })
}

function headersOf(stored: Stored, length: number, { without = [], headers = {} }: Trouble): Record<string, string> {
  const { mediaType, digest } = stored
  const all = { 'content-type': mediaType, 'content-length': `${length}`, 'docker-content-digest': digest, ...headers }
  return Object.fromEntries(Object.entries(all).filter(([name]) => !without.includes(name)))
}

function answer(response: ServerResponse, { status, headers = {}, body = '' }: NonNullable<Trouble['answer']>): void {
  response.writeHead(status, headers).end(body)
}

function answerJson(
  response: ServerResponse,
  status: number,
  document: object,
  headers: Record<string, string> = {},
): void {
  answer(response, {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(document),
  })
}

function answerError(
  response: ServerResponse,
  status: number,
  [code, message]: readonly [string, string],
  headers?: Record<string, string>,
): void {
  answerJson(response, status, { errors: [{ code, message }] }, headers)
}

function createFakeServer(listener: RequestListener, tls: FakeUpstreamOptions['tls']): Server {
  return tls ? createTlsServer(tls, listener) : createServer(listener)
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function close(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
