import { Fault } from '../../oci/fault.ts'
import type { Bucket } from './bucket.ts'
import { inlineCell, pointerCell } from './cell.ts'
import type { Cells } from './cells.ts'
import type { Folders } from './folders.ts'
import type { UploadMemory } from './upload-memory.ts'
import { sizeOfState, type Segment, type UploadState } from './upload-state.ts'

/** An upload as it stands in the bucket. */
export interface OpenedUpload {
  readonly etag: string
  readonly state: UploadState
  readonly tail: Buffer
}

export interface FinishContext {
  readonly bucket: Bucket
  readonly folders: Folders
  readonly objects: Cells
  readonly uploads: Cells
  readonly memory: UploadMemory
}

/** Up to this many bytes an upload becomes an inline object: one request less for who reads it. */
const largestInline = 256 * 1024

/**
 * Makes the object that an upload is about to be. Whoever meets such an upload does this: all that do make the same data object of
 * the same segments, one of them names it, and the state goes last.
 * @throws Fault not-found: somebody else did it meanwhile | conflict
 */
export async function finishUpload(
  id: string,
  key: string,
  { upload: { etag, state, tail }, context }: { readonly upload: OpenedUpload; readonly context: FinishContext },
): Promise<'created' | 'exists'> {
  const { bucket, folders, objects, uploads } = context
  const size = sizeOfState(state, tail)
  const data = size > largestInline ? state.data : undefined
  const make = (): Promise<void> => makeData({ state, tail }, context)
  // Without crumbs nothing is read into memory that was not there.
  if (data !== undefined) await (state.crumbs.length > 0 ? context.memory.inTurn(make) : make())
  const cell = data === undefined ? inlineCell(await withCrumbs({ state, tail }, context)) : pointerCell({ data, size })
  const isCreated = (await objects.create(key, cell)) !== undefined
  if (!isCreated && data !== undefined) await bucket.delete(folders.data + data)
  // While the upload is there to make it of.
  if (isCreated && data !== undefined) await checkData(key, data, context)
  const hasPieces = state.segments.length + state.crumbs.length > 0
  await uploads.delete(id, etag, hasPieces ? state.data : undefined)
  return isCreated ? 'created' : 'exists'
}

type UploadBytes = Pick<OpenedUpload, 'state' | 'tail'>

async function makeData(upload: UploadBytes, context: FinishContext): Promise<void> {
  const { bucket, folders } = context
  const { data, segments } = upload.state
  const rest = await withCrumbs(upload, context)
  if (segments.length === 0) {
    await bucket.put(folders.data + data, rest)
    return
  }
  const parts = segments.map((segment) => ({ key: pieceKey(segment, data, context) }))
  await bucket.join(folders.data + data, rest.length > 0 ? [...parts, { bytes: rest }] : parts)
}

/** What lies behind the segments. @throws Fault not-found if some of it is gone */
async function withCrumbs({ state: { data, crumbs }, tail }: UploadBytes, context: FinishContext): Promise<Buffer> {
  if (crumbs.length === 0) return tail
  return Buffer.concat([...(await readPieces(crumbs, data, context)), tail])
}

/** Under which a segment or crumb lies, of an upload whose data will have this name. */
export function pieceKey({ name }: Segment, data: string, { folders }: Pick<FinishContext, 'folders'>): string {
  return `${folders.segments}${data}/${name}`
}

/** Reads pieces of an upload. @throws Fault not-found if one is gone */
export async function readPieces(
  pieces: readonly Segment[],
  data: string,
  context: Pick<FinishContext, 'bucket' | 'folders'>,
): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  for (const piece of pieces) {
    const stored = await context.bucket.get(pieceKey(piece, data, context))
    if (!stored) throw new Fault('not-found', `a piece of an upload is gone`)
    for await (const chunk of stored.bytes) chunks.push(chunk)
  }
  return chunks
}

/**
 * Who was stopped for long before naming its data object may find that another one had named, and somebody deleted, the same: then
 * the name is taken back.
 */
async function checkData(key: string, data: string, { bucket, folders, objects }: FinishContext): Promise<void> {
  if (await bucket.stat(folders.data + data)) return
  const found = await objects.find(key)
  if (found?.cell.kind === 'pointer' && found.cell.data === data) await objects.delete(key, found.etag, data)
  throw new Fault('conflict', `another process finished the upload of ${key}, and somebody deleted it since`)
}
