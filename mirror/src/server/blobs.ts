import type { Descriptor } from '../oci/descriptor.ts'
import { checkDigest } from '../oci/digest.ts'
import type { Repository } from '../store/content-store.ts'
import { contentHeaders, type Answer } from './answer.ts'
import type { Exchange, Handlers, PathOf } from './exchange.ts'
import type { HeldBlob } from './hot-blobs.ts'
import { isKnown, unchanged } from './if-none-match.ts'
import { parseRange, type ByteRange } from './parse-range.ts'
import { Refusal } from './refusal.ts'

/** Up to this many bytes are read whole, checked, kept and sent with their headers in one write. */
const smallBlobSize = 256 * 1024
/** And up to this many, once many ask for it. */
const hotBlobSize = 2 * 1024 * 1024

/** Pulling and deleting blobs (distribution-spec, "Pulling blobs" and "Deleting Blobs"). */
export const blobs: Handlers<'blob'> = {
  async HEAD(exchange, path) {
    const { repository, blob } = await find(exchange, path)
    // A pusher leaves out what we say is here: look at the bytes, not only at the link.
    if (!(await repository.hasBlob(blob))) throw unknown(path.repository, path.digest)
    return isKnown(exchange, blob) ? unchanged(blob) : { status: 200, headers: blobHeaders(blob) }
  },

  async GET(exchange, path) {
    const { repository, blob } = await find(exchange, path)
    if (isKnown(exchange, blob)) return unchanged(blob)
    const range = parseRange(exchange.request.headers.range, blob.size)
    if (range === 'unsatisfiable') throw unsatisfiable(blob)
    const elsewhere = range ? undefined : await locationOf(exchange, { repository, blob })
    if (elsewhere) return { status: 307, headers: { location: elsewhere.href, 'cache-control': 'no-store' } }
    return blobAnswer(blob, range, await read(exchange, { repository, blob, range }))
  },

  async DELETE({ store, permit }, { repository, digest }) {
    await permit({ action: 'delete', repository, digest })
    if (!(await store.repository(repository).deleteBlob(digest))) throw unknown(repository, digest)
    return { status: 202 }
  },
}

async function find(
  { store, permit }: Exchange,
  { repository: name, digest }: PathOf<'blob'>,
): Promise<{ repository: Repository; blob: Descriptor }> {
  await permit({ action: 'pull', repository: name, digest })
  const repository = store.repository(name)
  const blob = await repository.stat(digest)
  if (!blob) throw unknown(name, digest)
  return { repository, blob }
}

interface Reading {
  readonly repository: Repository
  readonly blob: Descriptor
  readonly range: ByteRange | undefined
}

/** Where a whole large blob is, for who may be sent there: the rest is sooner sent from here. */
async function locationOf(
  { isRedirected }: Exchange,
  { repository, blob }: Pick<Reading, 'repository' | 'blob'>,
): Promise<URL | undefined> {
  if (blob.size <= smallBlobSize || !isRedirected()) return undefined
  return await repository.locateBlob(blob.digest)
}

async function read({ cache, hotBlobs }: Exchange, { repository, blob, range }: Reading): Promise<Answer['body']> {
  const { digest, size } = blob
  if (size <= smallBlobSize) {
    const known = cache.get(digest)
    const bytes = known ?? (await readWhole(repository, blob))
    if (!known) cache.set(digest, bytes, bytes.length)
    return partOf(bytes, range)
  }
  const held = size <= hotBlobSize && (await hotBlobs.hold(digest, size, () => readWhole(repository, blob)))
  if (held) return sent(held, range)
  const object = await repository.openBlob(digest, { ...range, reuseBuffers: true })
  return (object ?? missing(repository, blob)).bytes
}

/** @throws Fault corrupt: the bytes in the store are damaged */
async function readWhole(repository: Repository, blob: Descriptor): Promise<Uint8Array> {
  const object = await repository.openBlob(blob.digest)
  const bytes = Buffer.concat(await Array.fromAsync((object ?? missing(repository, blob)).bytes))
  checkDigest(bytes, blob.digest, `blob ${blob.digest} in the store is damaged`)
  return bytes
}

function partOf(bytes: Uint8Array, range: ByteRange | undefined): Uint8Array {
  return range ? bytes.subarray(range.offset, range.offset + range.length) : bytes
}

async function* sent(held: HeldBlob, range: ByteRange | undefined): AsyncGenerator<Uint8Array> {
  using _ = held
  yield partOf(held.bytes, range)
}

function missing({ name }: Repository, { digest }: Descriptor): never {
  throw unknown(name, digest)
}

/**
 * The answer that carries a blob, or the part of it that was asked for.
 * @throws Refusal SIZE_INVALID with status 416
 */
export function blobAnswer(blob: Descriptor, range: ReturnType<typeof parseRange>, body: Answer['body']): Answer {
  if (range === 'unsatisfiable') throw unsatisfiable(blob)
  return range ? partialContent(blob, range, body) : { status: 200, headers: blobHeaders(blob), body }
}

function partialContent(blob: Descriptor, { offset, length }: ByteRange, body: Answer['body']): Answer {
  const headers = {
    ...blobHeaders(blob),
    'content-length': length,
    'content-range': `bytes ${offset}-${offset + length - 1}/${blob.size}`,
  }
  return { status: 206, headers, body }
}

function blobHeaders(blob: Descriptor): Readonly<Record<string, string | number>> {
  return { ...contentHeaders({ ...blob, mediaType: 'application/octet-stream' }), 'accept-ranges': 'bytes' }
}

function unsatisfiable({ digest, size }: Descriptor): Refusal {
  const headers = { 'content-range': `bytes */${size}` }
  return new Refusal('SIZE_INVALID', `${digest} has ${size} bytes and not that range`, { status: 416, headers })
}

function unknown(repository: string, digest: string): Refusal {
  return new Refusal('BLOB_UNKNOWN', `repository ${repository} has no blob ${digest}`, { detail: { digest } })
}
