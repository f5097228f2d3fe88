import { randomUUID } from 'node:crypto'
import { contentStoreConformance } from '@stowage/mirror/store/content-store.conformance'
import { heldReadsConformance } from '@stowage/mirror/store/held-reads.conformance'
import { objectStoreConformance } from '@stowage/mirror/store/object-store.conformance'
import type { OpenedStore } from '@stowage/mirror/store/opened-store.conformance'
import type { Bucket } from '@stowage/mirror/store/s3/bucket'
import { createS3Store } from '@stowage/mirror/store/s3/create-s3-store'
import { createUploadMemory, type UploadMemory } from '@stowage/mirror/store/s3/upload-memory'
import { uploadConformance } from '@stowage/mirror/store/upload.conformance'
import { requirePart } from '../harness/require-part.ts'
import { withBucket } from './with-bucket.ts'

requirePart('versitygw')('an S3 service', () => {
  const bucket = withBucket()

  objectStoreConformance('a bucket', () => open(bucket(), true))
  heldReadsConformance('a bucket', () => open(bucket(), true))
  contentStoreConformance('content in a bucket', () => open(bucket(), true))
  objectStoreConformance('a bucket that deletes whatever the condition', () => open(withoutConditions(bucket()), false))
  uploadConformance('a bucket, for who has no memory', () => open(bucket(), true, noMemory))
})

/** Each chunk becomes a crumb. */
const noMemory: UploadMemory = { ...createUploadMemory(), share: () => 1 }

/** Each store in a part of its own; a reopened one is another replica as well. */
async function open(bucket: Bucket, deletesOnCondition: boolean, memory?: UploadMemory): Promise<OpenedStore> {
  const prefix = randomUUID()
  const connect = () => createS3Store({ bucket, prefix, deletesOnCondition, memory })
  return { store: connect(), reopen: async () => connect(), [Symbol.asyncDispose]: async () => {} }
}

function withoutConditions(bucket: Bucket): Bucket {
  return { ...bucket, delete: (key) => bucket.delete(key) }
}
