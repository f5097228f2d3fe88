import type { ObjectStore } from '../object-store.ts'
import type { Bucket } from './bucket.ts'
import { createCells } from './cells.ts'
import type { ServiceAbilities } from './check-service.ts'
import { foldersBelow } from './folders.ts'
import { createS3Objects } from './s3-objects.ts'
import { createS3Uploads } from './s3-uploads.ts'
import { sweepBucket } from './sweep-bucket.ts'
import { createUploadMemory, type UploadMemory } from './upload-memory.ts'

export interface S3StoreContext extends ServiceAbilities {
  readonly bucket: Bucket
  /** Segments of a key, without a slash at its end; `''` is the root of the bucket. */
  readonly prefix: string
  /** Milliseconds, from any beginning, never going back. */
  readonly monotonicNow?: (() => number) | undefined
  readonly memory?: UploadMemory | undefined
}

/** An object store in a part of a bucket that is known to be there. Who opened the bucket closes it. */
export function createS3Store({
  bucket,
  prefix,
  deletesOnCondition,
  monotonicNow = () => performance.now(),
  memory = createUploadMemory(),
}: S3StoreContext): ObjectStore {
  const folders = foldersBelow(prefix)
  const objects = createCells({
    bucket,
    folder: folders.objects,
    deletesOnCondition,
    bury: async (data) => void (await bucket.delete(folders.data + data)),
  })
  const uploads = createCells({
    bucket,
    folder: folders.uploads,
    deletesOnCondition,
    bury: (data) => deleteAll(bucket, `${folders.segments}${data}/`),
  })
  return {
    ...createS3Objects({ bucket, cells: objects, folders }),
    ...createS3Uploads({ bucket, folders, objects, uploads, memory, busy: new Set(), monotonicNow }),
    sweep: (options) => sweepBucket({ bucket, folders, objects, uploads }, options),
    [Symbol.asyncDispose]: async () => {},
  }
}

const deletedAtOnce = 16

async function deleteAll(bucket: Bucket, prefix: string): Promise<void> {
  let deleting: Promise<unknown>[] = []
  for await (const { key } of bucket.list(prefix)) {
    deleting.push(bucket.delete(key))
    if (deleting.length < deletedAtOnce) continue
    await Promise.all(deleting)
    deleting = []
  }
  await Promise.all(deleting)
}
