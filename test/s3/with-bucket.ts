import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openBucket, type Bucket } from '@stowage/mirror/store/s3/bucket'
import { afterAll, beforeAll } from 'vitest'
import { startS3Service, type S3Service } from '../harness/s3-service.ts'

/** A real bucket for the tests of a file, there from the first of them on. */
export function withBucket(service = withService()): () => Bucket {
  let bucket: Bucket

  beforeAll(async () => {
    bucket = await openBucket(bucketOptions(service()))
  })

  afterAll(() => bucket[Symbol.dispose]())

  return () => bucket
}

/** How the bucket of a service is opened by who may. */
export function bucketOptions({ bucket, endpoint, accessKeyId, secretAccessKey }: S3Service) {
  return { bucket, endpoint: new URL(endpoint), credentials: { accessKeyId, secretAccessKey } }
}

/** A real S3 service for the tests of a file, there from the first of them on. */
export function withService(): () => S3Service {
  let directory: string
  let service: S3Service

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'stowage-s3-'))
    service = await startS3Service(directory)
  })

  afterAll(async () => {
    await service[Symbol.asyncDispose]()
    await rm(directory, { recursive: true })
  })

  return () => service
}
