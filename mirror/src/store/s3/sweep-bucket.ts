import { Fault } from '../../oci/fault.ts'
import type { SweepOptions, Swept } from '../sweep.ts'
import type { Bucket } from './bucket.ts'
import type { Cells } from './cells.ts'
import type { Folders } from './folders.ts'
import { headBytes, parseHead } from './upload-state.ts'

export interface SweepContext {
  readonly bucket: Bucket
  readonly folders: Folders
  readonly objects: Cells
  readonly uploads: Cells
}

/** As names are made here: in a bucket whose root is used, other things may lie below folders that are called like ours. */
const ours = /^(?:probe-)?[\w-]{16}(?:\/[\w-]{16})?$/

/** An object of the bucket that may be named by nothing. */
interface Suspect {
  readonly key: string
  readonly size: number
  /** Of the data that it is, or is to be a piece of. */
  readonly data: string
}

/**
 * Deletes what processes that were killed left in the bucket and what nothing names: bytes of objects, pieces of uploads, joins
 * that nobody ends. What is written now is left alone, by whomever: it is younger than that, and an upload names it before it is
 * there.
 */
export async function sweepBucket(context: SweepContext, { unusedMs, now, signal }: SweepOptions): Promise<Swept> {
  const { bucket, folders } = context
  const before = now() - unusedMs
  let swept: Swept = { objects: 0, bytes: 0 }
  for (const { key, size } of await leftovers(context, before)) {
    signal?.throwIfAborted()
    await bucket.delete(key)
    swept = { objects: swept.objects + 1, bytes: swept.bytes + size }
  }
  // Last, as not all that may use a bucket may list them.
  for await (const join of bucket.listJoins(folders.data)) {
    if (join.begunAt < before && ours.test(join.key.slice(folders.data.length))) await bucket.abortJoin(join)
  }
  return swept
}

/** In this order: what an upload names is named by an object as soon as the upload is gone. */
async function leftovers({ bucket, folders, objects, uploads }: SweepContext, before: number): Promise<Suspect[]> {
  const data = await olderThan(before, bucket, folders.data)
  const pieces = await olderThan(before, bucket, folders.segments)
  if (data.length + pieces.length === 0) return []
  const ofUploads = await namesOfUploads(uploads)
  const ofObjects = data.length > 0 ? await namesOfObjects(objects) : new Set()
  return [
    ...pieces.filter((piece) => !ofUploads.has(piece.data)),
    ...data.filter((suspect) => !ofUploads.has(suspect.data) && !ofObjects.has(suspect.data)),
  ]
}

async function olderThan(before: number, bucket: Bucket, folder: string): Promise<Suspect[]> {
  const old: Suspect[] = []
  for await (const { key, size, changedAt } of bucket.list(folder)) {
    const path = key.slice(folder.length)
    if (changedAt < before && ours.test(path)) old.push({ key, size, data: path.split('/', 1)[0] ?? '' })
  }
  return old
}

async function namesOfUploads(uploads: Cells): Promise<ReadonlySet<string>> {
  const names = new Set<string>()
  for await (const { key } of uploads.list('', '')) {
    const found = await uploads.find(key, headBytes)
    const head = found && parseHead(found.bytes)
    if (found && !head) throw new Fault('corrupt', `the state of upload ${key} in the bucket is damaged`)
    if (head) names.add(head.data)
  }
  return names
}

async function namesOfObjects(objects: Cells): Promise<ReadonlySet<string>> {
  const names = new Set<string>()
  for await (const { cell } of objects.list('', '')) if (cell.kind === 'pointer') names.add(cell.data)
  return names
}
