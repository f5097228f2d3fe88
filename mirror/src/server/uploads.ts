import { isDigest, type Digest } from '../oci/digest.ts'
import { isFault } from '../oci/fault.ts'
import { isRepository } from '../oci/reference.ts'
import type { Upload } from '../store/object-store.ts'
import type { Answer } from './answer.ts'
import type { Exchange, Handlers } from './exchange.ts'
import { parseContentRange } from './parse-range.ts'
import { Refusal } from './refusal.ts'
import { bodyOf, bodyUpTo } from './request-body.ts'

/** Beginning an upload: a session, a whole blob at once, or a mount (distribution-spec, "Push"). */
export const uploadStart: Handlers<'upload-start'> = {
  async POST(exchange, { repository }) {
    const { query } = exchange
    const mount = digestIn(query, 'mount')
    const digest = digestIn(query, 'digest')
    checkAlgorithm(query)
    await exchange.permit({ action: 'push', repository, digest: mount ?? digest })
    if (mount && (await mounted(exchange, repository, mount))) return blobCreated(repository, mount)
    return digest ? pushWhole(exchange, repository, digest) : beginSession(exchange, repository)
  },
}

/** One upload session (distribution-spec, "Pushing a blob in chunks", and on main "Cancel a blob upload"). */
export const uploadSession: Handlers<'upload-session'> = {
  async GET({ uploads, permit }, { repository, session }) {
    await permit({ action: 'push', repository })
    return { status: 204, headers: sessionHeaders(repository, session, await uploads.sizeOf(repository, session)) }
  },

  async PATCH(exchange, { repository, session }) {
    const { uploads, permit, request } = exchange
    await permit({ action: 'push', repository })
    return uploads.take({ repository, session, request }, async (upload) => {
      checkChunk(request.headers, sessionHeaders(repository, session, upload.size), upload.size)
      const size = await append(upload, exchange)
      return { status: 202, headers: sessionHeaders(repository, session, size) }
    })
  },

  async PUT(exchange, { repository, session }) {
    const { uploads, store, permit, query, request } = exchange
    const digest = digestIn(query, 'digest')
    if (!digest) throw new Refusal('DIGEST_INVALID', 'an upload is finished with ?digest=<digest of the blob>')
    await permit({ action: 'push', repository, digest })
    return uploads.take({ repository, session, request }, async (upload) => {
      checkChunk(request.headers, sessionHeaders(repository, session, upload.size), upload.size)
      await append(upload, exchange)
      await commit(upload, digest, () => store.repository(repository).commitUpload(upload, digest))
      return blobCreated(repository, digest)
    })
  },

  async DELETE({ uploads, permit, request }, { repository, session }) {
    await permit({ action: 'push', repository })
    await uploads.take({ repository, session, request }, (upload) => upload.discard())
    return { status: 204 }
  },
}

/** How many repositories that hold a blob are asked for one that may be read. */
const mostHolders = 20

/**
 * A source that may not be read is treated as one that lacks the blob: a mount must not tell what is there. Without `from`
 * any repository that may be read will do (distribution-spec, "Mounting a blob from another repository").
 */
async function mounted(exchange: Exchange, repository: string, digest: Digest): Promise<boolean> {
  const { store, query } = exchange
  const target = store.repository(repository)
  const from = query.get('from')
  const here = from === null ? await target.stat(digest) : undefined
  // Who mounts does not send it: the bytes may be in quarantine.
  if (here && (await target.hasBlob(here))) return true
  const source = await readableSource(exchange, digest, from === null ? store.holders(digest) : [from])
  if (source?.isNarrowed) await exchange.permit({ action: 'push', repository, digest, from: source.name })
  return source !== undefined && (await target.mount(digest, store.repository(source.name))) !== undefined
}

interface Source {
  readonly name: string
  /** May be read with another token only: who comes again for it with one needs it for all of the mount. */
  readonly isNarrowed: boolean
}

async function readableSource(
  { isPermitted, isNarrowed }: Exchange,
  digest: Digest,
  names: AsyncIterable<string> | Iterable<string>,
): Promise<Source | undefined> {
  let asked = 0
  let narrowed: Source | undefined
  for await (const name of names) {
    const access = { action: 'pull', repository: name, digest } as const
    if (isRepository(name) && (await isPermitted(access))) return { name, isNarrowed: false }
    if (isRepository(name) && isNarrowed(access)) narrowed ??= { name, isNarrowed: true }
    if (++asked === mostHolders) break
  }
  return narrowed
}

async function beginSession({ uploads }: Exchange, repository: string): Promise<Answer> {
  const { session, upload } = await uploads.begin(repository)
  await upload[Symbol.asyncDispose]()
  return { status: 202, headers: sessionHeaders(repository, session, 0) }
}

/** The client never learns the session's id: what came of a push that failed is dropped. */
async function pushWhole(exchange: Exchange, repository: string, digest: Digest): Promise<Answer> {
  const { uploads, store } = exchange
  const { upload } = await uploads.begin(repository)
  await using _ = upload
  try {
    await append(upload, exchange)
    await commit(upload, digest, () => store.repository(repository).commitUpload(upload, digest))
  } catch (error) {
    await upload.discard()
    throw error
  }
  return blobCreated(repository, digest)
}

/** What can never be finished, as it is larger than blobs may be, is dropped. @throws Refusal SIZE_INVALID with status 413 */
async function append(upload: Upload, { request, largestBlob }: Exchange): Promise<number> {
  if (largestBlob === undefined) return await upload.append(bodyOf(request))
  try {
    return await upload.append(bodyUpTo(request, largestBlob - upload.size))
  } catch (cause) {
    if (!(cause instanceof Refusal) || cause.refusal !== 'SIZE_INVALID') throw cause
    await upload.discard()
    const message = `the blob is larger than the ${largestBlob} bytes that are taken here; the upload was dropped`
    throw new Refusal('SIZE_INVALID', message, { status: 413, cause })
  }
}

async function commit(upload: Upload, digest: Digest, publish: () => Promise<unknown>): Promise<void> {
  try {
    await publish()
  } catch (cause) {
    if (!isFault(cause, 'corrupt')) throw cause
    throw new Refusal('DIGEST_INVALID', `the ${upload.size} bytes that came are not ${digest}`, { cause })
  }
}

/**
 * A chunk must begin where the last one ended; the session survives one that does not.
 * @throws Refusal BLOB_UPLOAD_INVALID with status 416 | SIZE_INVALID
 */
function checkChunk(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  session: Readonly<Record<string, string>>,
  size: number,
): void {
  const header = headers['content-range']
  if (typeof header !== 'string') return
  const range = parseContentRange(header)
  if (!range) throw new Refusal('BLOB_UPLOAD_INVALID', 'Content-Range is not <first>-<last>')
  if (range.start !== size) {
    const message = `the chunk begins at ${range.start}, but ${size} bytes are here`
    throw new Refusal('BLOB_UPLOAD_INVALID', message, { status: 416, headers: session })
  }
  const length = headers['content-length']
  if (length !== undefined && Number(length) !== range.end - range.start + 1) {
    throw new Refusal('SIZE_INVALID', `Content-Range names other bytes than the ${String(length)} of Content-Length`)
  }
}

function blobCreated(repository: string, digest: Digest): Answer {
  const location = `/v2/${repository}/blobs/${digest}`
  return { status: 201, headers: { location, 'docker-content-digest': digest } }
}

/** `Range` has no way to say that nothing came yet: registries say `0-0` then. */
function sessionHeaders(repository: string, session: string, size: number): Record<string, string> {
  return {
    location: `/v2/${repository}/blobs/uploads/${session}`,
    range: `0-${Math.max(0, size - 1)}`,
    'docker-upload-uuid': session,
  }
}

function digestIn(query: URLSearchParams, name: string): Digest | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (isDigest(text)) return text
  throw new Refusal('DIGEST_INVALID', `${name}="${text.slice(0, 200)}" is not a sha256 or sha512 digest`)
}

/** An announced algorithm needs nothing more: the digest at the end decides. */
function checkAlgorithm(query: URLSearchParams): void {
  const algorithm = query.get('digest-algorithm')
  if (algorithm === null || algorithm === 'sha256' || algorithm === 'sha512') return
  throw new Refusal('DIGEST_INVALID', `digest algorithm "${algorithm.slice(0, 100)}" is neither sha256 nor sha512`)
}
