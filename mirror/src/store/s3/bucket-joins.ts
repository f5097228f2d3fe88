import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import PQueue from 'p-queue'
import { mapInQueue } from '../../copy/map-in-queue.ts'
import { Fault } from '../../oci/fault.ts'
import { bucketFault, isServiceError, type BucketPlace } from './bucket-fault.ts'
import { toSecond } from './to-second.ts'

/** A part of a joined object: an object that is there (5 MiB at least but for the last), or bytes. */
export type Part = { readonly key: string } | { readonly bytes: Uint8Array }

/** A join that began and did not end. */
export interface OpenJoin {
  readonly key: string
  readonly id: string
  /** Epoch milliseconds, to the second. */
  readonly begunAt: number
}

/** Making one object of several (multipart uploads). @throws Fault unavailable | no-space */
export interface BucketJoins {
  /** Makes one object of parts, at once. @throws Fault not-found if a part is not there */
  join(key: string, parts: readonly Part[]): Promise<void>
  listJoins(prefix: string): AsyncIterable<OpenJoin>
  /** Ends a join; whoever is still at it fails. */
  abortJoin(join: Pick<OpenJoin, 'key' | 'id'>): Promise<void>
}

const partsAtOnce = 8

export function createJoins(client: S3Client, place: BucketPlace): BucketJoins {
  const { bucket: name } = place

  async function upload(key: string, uploadId: string, parts: readonly Part[]): Promise<void> {
    const target = { Bucket: name, Key: key, UploadId: uploadId }
    const numbered = parts.map((part, index) => ({ part, number: index + 1 }))
    const sendPart = async ({ part, number }: (typeof numbered)[number]) => {
      const at = { ...target, PartNumber: number }
      const { ETag } =
        'bytes' in part
          ? await client.send(new UploadPartCommand({ ...at, Body: part.bytes }))
          : await client
              .send(new UploadPartCopyCommand({ ...at, CopySource: `${name}/${part.key}` }))
              .then(({ CopyPartResult }) => ({ ETag: CopyPartResult?.ETag }))
      return { PartNumber: number, ETag }
    }
    const Parts = await mapInQueue(numbered, sendPart, { queue: new PQueue({ concurrency: partsAtOnce }) })
    await client.send(new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts } }))
  }

  const failed = (error: unknown): never => {
    throw bucketFault(error, place)
  }

  return {
    async join(key, parts) {
      const { UploadId = '' } = await client
        .send(new CreateMultipartUploadCommand({ Bucket: name, Key: key }))
        .catch(failed)
      try {
        await upload(key, UploadId, parts)
      } catch (error) {
        // What is left then costs room until somebody sweeps it away.
        await client.send(new AbortMultipartUploadCommand({ Bucket: name, Key: key, UploadId })).catch(() => undefined)
        if (isServiceError(error, 'NoSuchKey')) throw new Fault('not-found', `a part of ${key} is gone`)
        throw bucketFault(error, place)
      }
    },

    async *listJoins(prefix) {
      for (let marker = {}; ;) {
        const command = new ListMultipartUploadsCommand({ Bucket: name, Prefix: prefix, ...marker })
        const page = await client.send(command).catch(failed)
        for (const { Key = '', UploadId = '', Initiated } of page.Uploads ?? []) {
          yield { key: Key, id: UploadId, begunAt: toSecond(Initiated) }
        }
        if (!page.IsTruncated || !page.NextKeyMarker) return
        marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker }
      }
    },

    async abortJoin({ key, id }) {
      const command = new AbortMultipartUploadCommand({ Bucket: name, Key: key, UploadId: id })
      await client.send(command).catch((error: unknown) => {
        if (!isServiceError(error, 'NoSuchUpload')) failed(error)
      })
    },
  }
}
