import type { ObjectStore } from '../object-store.ts'
import { openBucket } from './bucket.ts'
import { checkService } from './check-service.ts'
import { createS3Store, type S3StoreContext } from './create-s3-store.ts'
import { foldersBelow } from './folders.ts'
import type { BucketOptions } from './s3-client.ts'

export interface S3StoreOptions extends BucketOptions, Pick<S3StoreContext, 'prefix'> {}

/**
 * Opens a part of a bucket as an object store, which any number of processes may have open: nothing is remembered here that may
 * change. The bucket, the credentials and the service are tried first.
 * @throws Fault invalid (no region, or a service without conditional writes) | unavailable (no such bucket, wrong credentials, away)
 */
export async function openS3Store({ prefix, ...options }: S3StoreOptions): Promise<ObjectStore> {
  const bucket = await openBucket(options)
  try {
    const abilities = await checkService(bucket, foldersBelow(prefix).data)
    const store = createS3Store({ bucket, prefix, ...abilities })
    return { ...store, [Symbol.asyncDispose]: async () => bucket[Symbol.dispose]() }
  } catch (error) {
    bucket[Symbol.dispose]()
    throw error
  }
}
