import { Fault } from '../../oci/fault.ts'
import type { Bucket } from './bucket.ts'
import { inlineCell, pointerCell } from './cell.ts'
import type { Cells } from './cells.ts'
import type { Folders } from './folders.ts'
import { sizeOfState, type UploadState } from './upload-state.ts'

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
  if (data !== undefined) await makeData(state, tail, context)
  const cell = data === undefined ? inlineCell(tail) : pointerCell({ data, size })
  const isCreated = (await objects.create(key, cell)) !== undefined
  if (!isCreated && data !== undefined) await bucket.delete(folders.data + data)
  const isOurs = await uploads.delete(id, etag, state.segments.length > 0 ? state.data : undefined)
  if (isCreated && data !== undefined && !isOurs) await checkData(key, data, context)
  return isCreated ? 'created' : 'exists'
}

async function makeData(
  { data, segments }: UploadState,
  tail: Buffer,
  { bucket, folders }: FinishContext,
): Promise<void> {
  if (segments.length === 0) {
    await bucket.put(folders.data + data, tail)
    return
  }
  const parts = segments.map(({ name }) => ({ key: `${folders.segments}${data}/${name}` }))
  await bucket.join(folders.data + data, tail.length > 0 ? [...parts, { bytes: tail }] : parts)
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
