import type { Logger } from 'pino'
import type { ContentSource, FetchOptions } from '../content.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, isDigest, type Digest } from '../oci/digest.ts'
import { Fault, isFault } from '../oci/fault.ts'
import { descriptorOf, maxManifestSize, parseManifest, type Manifest } from '../oci/manifest.ts'
import { acceptedManifests, isManifestType, mediaTypes } from '../oci/media-type.ts'
import { isRepository, isTag } from '../oci/reference.ts'
import { createAuthorizer, type Authorizer } from './authorizer.ts'
import { openBlobBody } from './blob-body.ts'
import { apiUrl, connect } from './connect.ts'
import type { CredentialSource } from './credential.ts'
import { endpointsOf } from './endpoint.ts'
import { followRedirects } from './follow-redirects.ts'
import { createInsideGuard } from './inside-guard.ts'
import { listReferrers, type ReferrersPage } from './list-referrers.ts'
import { createLogin } from './login.ts'
import { contentTypeOf, discarded, responseFault, webPageFault } from './response-fault.ts'
import { restated } from './restated.ts'
import { createTokenCache } from './token-cache.ts'
import { discard, openTransport, readCapped, type Answer, type TransportOptions } from './transport.ts'

export interface RegistryClientOptions extends Omit<TransportOptions, 'guard'> {
  /** The host of a registry as references write it (`docker.io`, `127.0.0.1:5000`), or the base URL of a centre. */
  readonly registry: string
  /** Without it everything is asked for anonymously. */
  readonly credentials?: CredentialSource | undefined
  readonly log?: Logger | undefined
  /** Whether it may not be led to machines inside, by redirects and challenges, unless it is inside itself. */
  readonly staysOutside?: boolean | undefined
  /** Told the headers of every answer, such as what is left of a budget. */
  readonly onHeaders?: ((headers: Answer['headers']) => void) | undefined
}

/** A registry that is read from. Close it when no body of it is being read any more. */
export interface RegistryClient extends Required<ContentSource>, AsyncDisposable {
  /** A blob of which only the digest is known, at the price of a HEAD. @throws as the others, and not-found if it is not in the repository */
  statBlob(repository: string, digest: Digest, options?: FetchOptions): Promise<Descriptor>
}

interface Request extends FetchOptions {
  readonly repository: string
  readonly path: string
  /** For messages. */
  readonly what: string
  readonly method?: 'GET' | 'HEAD'
  readonly headers?: Readonly<Record<string, string>>
  readonly mayDowngrade?: boolean
}

/**
 * Makes the client of one registry (distribution-spec, "Pull"). It tries everything once: who calls it decides about trying
 * again. Nothing is connected before the first request.
 * @throws Fault invalid if the host or the certificates are not such
 */
export function createRegistryClient(options: RegistryClientOptions): RegistryClient {
  const { registry, credentials = async () => [], log } = options
  const name = registry.replace(/^https?:\/\//i, '').replace(/\/$/, '')
  const endpoints = endpointsOf(registry, options.insecureRegistries)
  const guard = options.staysOutside ? createInsideGuard(endpoints) : undefined
  const transport = openTransport({ ...options, guard })
  const tokens = createTokenCache({ transport })
  let connection: { readonly endpoint: URL; readonly authorizer: Authorizer } | undefined

  async function connected(signal: AbortSignal | undefined) {
    const endpoint = connection?.endpoint ?? (await connect(transport, endpoints, signal))
    connection ??= {
      endpoint,
      authorizer: createAuthorizer({ registry: name, endpoint, credentials, login: createLogin({ endpoint, tokens }) }),
    }
    return connection
  }

  async function send({ repository, path, what, method, headers, signal, mayDowngrade }: Request): Promise<Answer> {
    const { endpoint, authorizer } = await connected(signal)
    const url = apiUrl(endpoint, `${repository}/${path}`)
    const attempt = async (authorization: string | undefined): Promise<Answer> => {
      const startedAt = performance.now()
      const all = { ...headers, ...(authorization === undefined ? {} : { authorization }) }
      const answer = await followRedirects(transport, url, { method, headers: all, signal, mayDowngrade })
      const durationMs = Math.round(performance.now() - startedAt)
      options.onHeaders?.(answer.headers)
      log?.debug({ registry: name, repository, method, what, status: answer.status, durationMs }, 'registry answered')
      return answer
    }
    return await authorizer.send({ repository, what, attempt, signal })
  }

  function requestFor(repository: string, reference: string, signal: AbortSignal | undefined): Request {
    if (!isRepository(repository)) throw new Fault('invalid', `"${repository}" is not a repository name`)
    const isTagged = !isDigest(reference)
    if (isTagged && !isTag(reference)) throw new Fault('invalid', `"${reference}" is neither a tag nor a digest`)
    const what = `${name}/${repository}${isTagged ? ':' : '@'}${reference}`
    return { repository, path: `manifests/${reference}`, what, headers: { accept: acceptedManifests }, signal }
  }

  async function manifest(repository: string, reference: string, { signal }: FetchOptions = {}): Promise<Manifest> {
    const request = requestFor(repository, reference, signal)
    const answer = await send(request)
    return await readManifest(answer, { ...request, digest: isDigest(reference) ? reference : digestHeaderOf(answer) })
  }

  async function referrersPage(
    repository: string,
    subject: Digest,
    { query = '', signal }: FetchOptions & { readonly query?: string },
  ): Promise<ReferrersPage> {
    const request = { ...requestFor(repository, subject, signal), headers: { accept: mediaTypes.index } }
    const answer = await send({ ...request, path: `referrers/${subject}${query}` })
    const index = await readManifest(answer, request)
    return { manifests: index.kind === 'index' ? index.manifests : [], next: nextQueryOf(answer) }
  }

  /** A presigned URL of the storage behind a registry may have run out: the registry makes another one. */
  async function sendForBlob(request: Request): Promise<Answer> {
    const answer = await send(request)
    if (!isStorageRefusal(answer)) return answer
    await discard(answer)
    return await send(request)
  }

  const isStorageRefusal = ({ status, url }: Answer): boolean =>
    (status === 401 || status === 403) && url.origin !== connection?.endpoint.origin

  async function resolve(repository: string, reference: string, { signal }: FetchOptions = {}): Promise<Descriptor> {
    const request = requestFor(repository, reference, signal)
    const answer = await send({ ...request, method: 'HEAD' })
    await discard(answer)
    if (answer.status === 200) {
      const descriptor = describe(answer, reference, request.what)
      if (descriptor) return descriptor
    } else if (answer.status !== 405 && answer.status !== 501) {
      throw await responseFault(answer, request.what)
    }
    return descriptorOf(await manifest(repository, reference, { signal }))
  }

  return {
    resolve,
    manifest,
    referrers: (repository, subject, { signal } = {}) =>
      listReferrers({ page: referrersPage, manifest, resolve }, { repository, subject, signal }),

    async statBlob(repository, digest, { signal } = {}) {
      const { what, ...request } = requestFor(repository, digest, signal)
      const path = `blobs/${digest}`
      const answer = await sendForBlob({ ...request, what, path, method: 'HEAD', headers: {}, mayDowngrade: true })
      if (answer.status !== 200) throw await responseFault(answer, what)
      await discard(answer)
      const size = lengthOf(answer)
      if (size === undefined) throw new Fault('unavailable', `${what}: the registry does not say how large it is`)
      return { mediaType: 'application/octet-stream', digest, size }
    },

    async blob(repository, { digest, size }, { offset = 0, length = Infinity, signal } = {}) {
      const { what, ...request } = requestFor(repository, digest, signal)
      if (offset > size) throw new Fault('corrupt', `${what}: has ${size} bytes, and ${offset} of it are there`)
      if (offset === size) return noBytes()
      const end = Math.min(size, offset + length)
      const isWhole = offset === 0 && end === size
      const headers = isWhole ? {} : { range: `bytes=${offset}-${end < size ? end - 1 : ''}` }
      const answer = await sendForBlob({ ...request, what, path: `blobs/${digest}`, headers, mayDowngrade: true })
      if (answer.status !== 200 && answer.status !== 206) {
        throw await responseFault(answer, what, isStorageRefusal(answer) ? 'unavailable' : undefined)
      }
      return await openBlobBody(answer, { offset, end, size, what, signal })
    },

    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  }
}

interface Expected extends FetchOptions {
  readonly what: string
  readonly digest?: Digest | undefined
}

async function readManifest(answer: Answer, { what, digest, signal }: Expected): Promise<Manifest> {
  if (answer.status !== 200) throw await responseFault(answer, what)
  const mediaType = contentTypeOf(answer)
  if (mediaType === 'text/html') throw await discarded(answer, webPageFault(what))
  try {
    return parseManifest(await readCapped(answer, maxManifestSize, signal), { mediaType, digest })
  } catch (error) {
    throw isFault(error) ? restated(error, `${what}: ${error.message}`) : error
  }
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}

/** What HEAD says; undefined if it leaves something out (distribution-spec, "Checking if content exists in the registry"). */
function describe(answer: Answer, reference: string, what: string): Descriptor | undefined {
  const mediaType = contentTypeOf(answer)
  const said = digestHeaderOf(answer)
  const size = lengthOf(answer) ?? 0
  if (!mediaType || !isManifestType(mediaType) || size === 0 || size > maxManifestSize) return undefined
  if (!isDigest(reference)) return said && { mediaType, digest: said, size }
  if (said && said !== reference && algorithmOf(said) === algorithmOf(reference)) {
    throw new Fault('corrupt', `${what}: the registry says that it is ${said}`)
  }
  return { mediaType, digest: reference, size }
}

function lengthOf({ headers }: Answer): number | undefined {
  const length = headers['content-length']
  return typeof length === 'string' && /^\d+$/.test(length) ? Number(length) : undefined
}

function digestHeaderOf({ headers }: Answer): Digest | undefined {
  const digest = headers['docker-content-digest']
  return typeof digest === 'string' && isDigest(digest) ? digest : undefined
}

/** Query of the next page of a list (RFC 8288, as distribution-spec uses it): the rest of its URL is ours already. */
function nextQueryOf({ headers, url }: Answer): string | undefined {
  const link = headers['link']
  const fields = typeof link === 'string' ? [link] : (link ?? [])
  const target = fields.map((field) => /<([^<>]*)>[^<]*;\s*rel="?next"?/i.exec(field)?.[1]).find(Boolean)
  return (target && URL.parse(target, url.href)?.search) || undefined
}
