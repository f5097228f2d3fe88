import type { ContentSource, FetchOptions } from '../content.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { algorithmOf, isDigest, type Digest } from '../oci/digest.ts'
import { Fault, isFault } from '../oci/fault.ts'
import { descriptorOf, maxManifestSize, parseManifest, type Manifest } from '../oci/manifest.ts'
import { acceptedManifests, isManifestType, mediaTypes } from '../oci/media-type.ts'
import { isRepository, isTag } from '../oci/reference.ts'
import { openBlobBody } from './blob-body.ts'
import { listReferrers, type ReferrersPage } from './list-referrers.ts'
import {
  openRegistryConnection,
  type RegistryConnection,
  type RegistryConnectionOptions,
  type RegistryRequest,
} from './registry-connection.ts'
import { nextQueryOf } from './next-query.ts'
import { contentTypeOf, discarded, responseFault, webPageFault } from './response-fault.ts'
import { restated } from './restated.ts'
import { discard, readCapped, type Answer } from './transport.ts'

/** A registry that is read from. Close it when no body of it is being read any more. */
export interface RegistryClient extends Required<ContentSource>, AsyncDisposable {
  /** For what else is asked of it. */
  readonly connection: RegistryConnection
  /** A blob of which only the digest is known, at the price of a HEAD. @throws as the others, and not-found if it is not in the repository */
  statBlob(repository: string, digest: Digest, options?: FetchOptions): Promise<Descriptor>
}

/**
 * Makes the client of one registry (distribution-spec, "Pull"). It tries everything once: who calls it decides about trying
 * again. Nothing is connected before the first request.
 * @throws Fault invalid if the host or the certificates are not such
 */
export function createRegistryClient(options: RegistryConnectionOptions): RegistryClient {
  const connection = openRegistryConnection(options)
  const { name } = connection

  function requestFor(repository: string, reference: string, signal: AbortSignal | undefined): RegistryRequest {
    if (!isRepository(repository)) throw new Fault('invalid', `"${repository}" is not a repository name`)
    const isTagged = !isDigest(reference)
    if (isTagged && !isTag(reference)) throw new Fault('invalid', `"${reference}" is neither a tag nor a digest`)
    const what = `${name}/${repository}${isTagged ? ':' : '@'}${reference}`
    const path = `${repository}/manifests/${reference}`
    return { repository, path, what, headers: { accept: acceptedManifests }, signal }
  }

  /** What came, and the digest that it was checked against: the spec lets a registry leave out that of a tag. */
  async function ask(
    repository: string,
    reference: string,
    { signal }: FetchOptions,
  ): Promise<{ readonly found: Manifest; readonly digest: Digest | undefined }> {
    const request = requestFor(repository, reference, signal)
    const answer = await connection.send(request)
    const digest = isDigest(reference) ? reference : digestHeaderOf(answer)
    return { found: await readManifest(answer, { ...request, digest }), digest }
  }

  async function manifest(repository: string, reference: string, options: FetchOptions = {}): Promise<Manifest> {
    const { found, digest } = await ask(repository, reference, options)
    // Nothing was promised of it: it is proved by what the registry has under its digest.
    return digest ? found : await manifest(repository, found.digest, options)
  }

  async function referrersPage(
    repository: string,
    subject: Digest,
    { query = '', signal }: FetchOptions & { readonly query?: string },
  ): Promise<ReferrersPage> {
    const request = { ...requestFor(repository, subject, signal), headers: { accept: mediaTypes.index } }
    const answer = await connection.send({ ...request, path: `${repository}/referrers/${subject}${query}` })
    const index = await readManifest(answer, request)
    return { manifests: index.kind === 'index' ? index.manifests : [], next: nextQueryOf(answer) }
  }

  /** A presigned URL of the storage behind a registry may have run out: the registry makes another one. */
  async function sendForBlob(request: RegistryRequest): Promise<Answer> {
    const answer = await connection.send(request)
    if (!isStorageRefusal(answer)) return answer
    await discard(answer)
    return await connection.send(request)
  }

  const isStorageRefusal = (answer: Answer): boolean =>
    (answer.status === 401 || answer.status === 403) && !connection.isOwn(answer)

  async function resolve(repository: string, reference: string, { signal }: FetchOptions = {}): Promise<Descriptor> {
    const request = requestFor(repository, reference, signal)
    const answer = await connection.send({ ...request, method: 'HEAD' })
    await discard(answer)
    if (answer.status === 200) {
      const descriptor = describe(answer, reference, request.what)
      if (descriptor) return descriptor
    } else if (answer.status !== 405 && answer.status !== 501) {
      throw await responseFault(answer, request.what)
    }
    // Not proved here: whoever fetches what it names does that.
    return descriptorOf((await ask(repository, reference, { signal })).found)
  }

  return {
    connection,
    resolve,
    manifest,
    referrers: (repository, subject, { signal } = {}) =>
      listReferrers({ page: referrersPage, manifest, resolve }, { repository, subject, signal }),

    async statBlob(repository, digest, { signal } = {}) {
      const { what, ...request } = requestFor(repository, digest, signal)
      const path = `${repository}/blobs/${digest}`
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
      const path = `${repository}/blobs/${digest}`
      const answer = await sendForBlob({ ...request, what, path, headers, mayDowngrade: true })
      if (answer.status !== 200 && answer.status !== 206) {
        throw await responseFault(answer, what, isStorageRefusal(answer) ? 'unavailable' : undefined)
      }
      return await openBlobBody(answer, { offset, end, size, what, signal })
    },

    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
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
