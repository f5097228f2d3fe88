import type { Ingest } from '../content.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { Fault, isFault } from '../oci/fault.ts'
import type { RegistryClient } from './registry-client.ts'
import { sentOnce } from './registry-connection.ts'
import { responseFault } from './response-fault.ts'
import { discard, type Answer } from './transport.ts'

export interface BlobUploadsOptions {
  readonly repository: string
  /** Where the same registry may have the blob already. */
  readonly mountFrom?: string | undefined
}

/** Blobs on their way into one repository of a registry. */
export interface BlobUploads {
  /** Begins or goes on with a blob; undefined if it is there. */
  ingest(blob: Descriptor, signal: AbortSignal | undefined): Promise<Ingest | undefined>
}

/** Of a registry that is restarting or too busy, or of a proxy before one that is away. */
const awayStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** What is known of a session at the registry. */
interface Session {
  /** Where it goes on: the registry says it anew with each answer. */
  location: URL
  /** Bytes that the registry has. */
  offset: number
  /** Whether it is to be asked what it has: a request broke off. */
  isInDoubt: boolean
}

/**
 * Uploads as distribution-spec has them ("Pushing a blob in chunks"): a session, the bytes in one stream from where the registry
 * is, and the digest at the end, which is what registries and clients do most.
 */
export function createBlobUploads(
  client: Pick<RegistryClient, 'connection' | 'statBlob'>,
  { repository, mountFrom }: BlobUploadsOptions,
): BlobUploads {
  const { connection } = client
  const sessions = new Map<Digest, Session>()
  const nameOf = ({ digest }: Descriptor): string => `${connection.name}/${repository}@${digest}`
  const shared = { repository, isPush: true } as const

  async function isThere({ digest }: Descriptor, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await client.statBlob(repository, digest, { signal })
      return true
    } catch (error) {
      if (isFault(error, 'not-found')) return false
      throw error
    }
  }

  /** Undefined if a mount brought the blob. */
  async function begin(blob: Descriptor, signal: AbortSignal | undefined): Promise<Session | undefined> {
    const what = nameOf(blob)
    const mount = mountFrom === undefined ? '' : `?mount=${blob.digest}&from=${encodeURIComponent(mountFrom)}`
    const path = `${repository}/blobs/uploads/${mount}`
    const answer = await connection.send({ ...shared, method: 'POST', path, what, signal })
    if (answer.status !== 201 && answer.status !== 202) throw await responseFault(answer, what)
    await discard(answer)
    if (answer.status === 201) return undefined
    return { location: locationOf(answer, what), offset: 0, isInDoubt: false }
  }

  /**
   * Asks the registry where it stopped; undefined if it knows no more of it, or will not say.
   * @throws Fault unavailable if it is away for now, and may know it when it is back
   */
  async function resume(session: Session, blob: Descriptor, signal: AbortSignal | undefined) {
    const what = nameOf(blob)
    const answer = await connection.send({ ...shared, path: session.location, what, signal })
    if (awayStatuses.has(answer.status)) throw await responseFault(answer, what)
    await discard(answer)
    const end = endOf(answer)
    if (answer.status !== 204 || end === undefined || end > blob.size) return undefined
    return { location: nextLocation(answer, session), offset: end, isInDoubt: false }
  }

  /** A session is forgotten only when the registry has said something: while it is away, its bytes are still there. */
  async function sessionFor(blob: Descriptor, signal: AbortSignal | undefined): Promise<Session | undefined> {
    const known = sessions.get(blob.digest)
    if (known && !known.isInDoubt) return known
    const resumed = known && (await resume(known, blob, signal))
    if (resumed) return resumed
    // The end of it may have been reached, and only the answer lost.
    const isAtItsEnd = known && (await isThere(blob, signal))
    sessions.delete(blob.digest)
    return isAtItsEnd ? undefined : await begin(blob, signal)
  }

  async function append(
    blob: Descriptor,
    session: Session,
    bytes: AsyncIterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const what = nameOf(blob)
    const { offset } = session
    const headers = {
      'content-type': 'application/octet-stream',
      'content-length': `${blob.size - offset}`,
      ...(offset > 0 && { 'content-range': `${offset}-${blob.size - 1}` }),
    }
    session.isInDoubt = true
    const body = sentOnce(exactly(bytes, blob.size - offset, what), what)
    const path = session.location
    const answer = await connection.send({ ...shared, method: 'PATCH', path, headers, body, what, signal })
    if (answer.status !== 202 && answer.status !== 204 && answer.status !== 201)
      throw await refused(answer, blob, offset > 0)
    await discard(answer)
    Object.assign(session, { location: nextLocation(answer, session), offset: blob.size, isInDoubt: false })
  }

  async function commit(blob: Descriptor, session: Session, signal: AbortSignal | undefined): Promise<void> {
    const what = nameOf(blob)
    const path = new URL(session.location)
    path.searchParams.set('digest', blob.digest)
    session.isInDoubt = true
    const headers = { 'content-length': '0' }
    const answer = await connection.send({ ...shared, method: 'PUT', path, headers, what, signal })
    if (answer.status !== 201 && answer.status !== 204) throw await refused(answer, blob, true)
    sessions.delete(blob.digest)
    await discard(answer)
  }

  /**
   * Some registries cannot go on with what broke off, and say so in many ways: then it is begun anew. What they do not know, or know
   * otherwise, may have come to its end already.
   */
  async function refused(answer: Answer, blob: Descriptor, isLater: boolean): Promise<Fault> {
    const isInDoubt = answer.status === 404 || answer.status === 416
    if (!isInDoubt) sessions.delete(blob.digest)
    const isLost = isInDoubt || (answer.status === 400 && isLater)
    return await responseFault(answer, nameOf(blob), isLost ? 'unavailable' : undefined)
  }

  return {
    async ingest(blob, signal) {
      const session = await sessionFor(blob, signal)
      if (!session) return undefined
      sessions.set(blob.digest, session)
      return {
        get offset() {
          return session.offset
        },
        write: (bytes) => append(blob, session, bytes, signal),
        commit: () => commit(blob, session, signal),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }
    },
  }
}

function nextLocation(answer: Answer, { location }: Session): URL {
  return locationIn(answer) ?? location
}

function locationOf(answer: Answer, what: string): URL {
  const location = locationIn(answer)
  if (location) return location
  throw new Fault('unavailable', `${what}: the registry began an upload, but does not say where it is`)
}

function locationIn({ headers, url }: Answer): URL | undefined {
  const { location } = headers
  const target = typeof location === 'string' ? URL.parse(location, url.href) : null
  return target && /^https?:$/.test(target.protocol) ? target : undefined
}

/** `Range: 0-N`, its end inclusive; `0-0` says that one byte is there, or, as registries mean it, none. */
function endOf({ headers }: Answer): number | undefined {
  const { range } = headers
  const [, end] = /^(?:bytes=)?0-(\d+)$/.exec(typeof range === 'string' ? range.trim() : '') ?? []
  if (end === undefined) return undefined
  return end === '0' ? 0 : Number(end) + 1
}

/** The length was promised: less would leave the registry waiting, and more would be taken for another request. */
async function* exactly(bytes: AsyncIterable<Uint8Array>, size: number, what: string): AsyncGenerator<Uint8Array> {
  let left = size
  for await (const chunk of bytes) {
    left -= chunk.length
    if (left < 0) throw new Fault('corrupt', `${what}: more bytes came than its ${size}`)
    yield chunk
  }
  if (left > 0) throw new Fault('unavailable', `${what}: ${left} bytes are still to come`)
}
