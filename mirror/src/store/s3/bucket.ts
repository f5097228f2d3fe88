import type { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type GetObjectCommandOutput,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { Fault } from '../../oci/fault.ts'
import { readOn, type BytesUnderWay } from '../read-on.ts'
import { bucketFault, isServiceError, statusOf } from './bucket-fault.ts'
import { createJoins, type BucketJoins } from './bucket-joins.ts'
import { openClient, type BucketOptions } from './s3-client.ts'
import { toSecond } from './to-second.ts'

/** An object of the bucket as the service has it; `etag` follows from its bytes alone. */
export interface Stored {
  readonly etag: string
  /** Bytes. */
  readonly size: number
  /** Last write, epoch milliseconds, to the second. */
  readonly changedAt: number
}

export interface Range {
  readonly start: number
  /** Behind the last byte. */
  readonly end?: number | undefined
}

/** What must be so for a write to be done. */
export type Condition = { readonly ifAbsent: true } | { readonly ifMatch: string } | undefined

/** The few things that are asked of an S3 service. Keys are whole. @throws Fault unavailable | no-space */
export interface Bucket extends BucketJoins, Disposable {
  stat(key: string, etag?: string): Promise<Stored | undefined>
  /** `bytes` must be iterated or returned. */
  get(
    key: string,
    range?: Range,
  ): Promise<{ readonly stored: Stored; readonly bytes: AsyncIterable<Uint8Array> } | undefined>
  /** The new etag; undefined if the condition does not hold. */
  put(key: string, bytes: Uint8Array, condition?: Condition): Promise<string | undefined>
  /** Undefined if the condition does not hold; not every service says so, and some do not look at conditions. */
  delete(key: string, etag?: string): Promise<true | undefined>
  list(prefix: string, after?: string): AsyncIterable<Stored & { readonly key: string }>
  /** Where who knows it may read an object for a while without credentials. */
  signedUrl(key: string, seconds: number): Promise<URL>
}

/** Short at first: many look at the beginning of a list only. */
const firstPage = 32
const largestPage = 1000

/** @throws Fault invalid: no region */
export async function openBucket(options: BucketOptions): Promise<Bucket> {
  const { bucket: name, endpoint } = options
  const place = { bucket: name, host: endpoint?.host ?? 'AWS' }
  const client = await openClient(options).catch((error: unknown) => {
    throw bucketFault(error, place)
  })

  async function ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw bucketFault(error, place)
    }
  }

  async function open(
    key: string,
    range: Range | undefined,
    etag?: string,
  ): Promise<GetObjectCommandOutput | undefined> {
    const wanted = range && (range.start > 0 || range.end !== undefined) ? { Range: rangeHeader(range) } : {}
    const match = etag === undefined ? {} : { IfMatch: quoted(etag) }
    return await ask(() =>
      client.send(new GetObjectCommand({ Bucket: name, Key: key, ...wanted, ...match })).catch(unlessMissing),
    )
  }

  function underWay({ Body }: GetObjectCommandOutput): BytesUnderWay {
    const body = Body as Readable
    return {
      bytes: chunksOf(body, (error) => bucketFault(error, place)),
      source: place.host,
      destroy: () => body.destroy(),
    }
  }

  async function putOnce(key: string, bytes: Uint8Array, condition: Condition): Promise<string | undefined> {
    const { ETag } = await client.send(
      new PutObjectCommand({ Bucket: name, Key: key, Body: bytes, ...conditionHeaders(condition) }),
    )
    return unquoted(ETag)
  }

  async function stat(key: string, etag?: string): Promise<Stored | undefined> {
    const match = etag === undefined ? {} : { IfMatch: quoted(etag) }
    const command = new HeadObjectCommand({ Bucket: name, Key: key, ...match })
    const found = await ask(() => client.send(command).catch(unlessMissing))
    return found && storedOf(found)
  }

  /** Whether a put was refused, also by a service that closed the connection over its bytes: then its answer is lost. */
  async function isRefused(error: unknown, key: string, condition: NonNullable<Condition>): Promise<boolean> {
    if (!isServiceError(error, 'TimeoutError')) return isRefusal(error)
    const etag = (await stat(key))?.etag
    return 'ifAbsent' in condition ? etag !== undefined : etag !== condition.ifMatch
  }

  return {
    ...createJoins(client, place),

    stat,

    async get(key, range = { start: 0 }) {
      const found = await open(key, range)
      if (!found) return undefined
      const stored = storedOf(found)
      const end = Math.min(stored.size, range.end ?? stored.size)
      const bytes = readOn(underWay(found), {
        start: range.start,
        end,
        async reopen(start) {
          const again = await open(key, { start, end }, stored.etag)
          if (again) return underWay(again)
          throw new Fault('unavailable', `${place.host}: what was read is gone, before its end`)
        },
      })
      return { stored, bytes }
    },

    async put(key, bytes, condition) {
      for (let tries = 0; ; tries++) {
        try {
          return await putOnce(key, bytes, condition)
        } catch (error) {
          if (condition && (await isRefused(error, key, condition))) return undefined
          // Another conditional write of the key was under way: which of the two came first is not decided.
          if (statusOf(error) === 409 && tries < mostConflicts) continue
          throw bucketFault(error, place)
        }
      }
    },

    async delete(key, etag) {
      const match = etag === undefined ? {} : { IfMatch: quoted(etag) }
      try {
        await client.send(new DeleteObjectCommand({ Bucket: name, Key: key, ...match }))
        return true
      } catch (error) {
        if (etag !== undefined && isRefusal(error)) return undefined
        throw bucketFault(error, place)
      }
    },

    async *list(prefix, after) {
      let behind = after
      for (let limit = firstPage; ; limit = largestPage) {
        const where = { Bucket: name, Prefix: prefix, MaxKeys: limit, ...(behind ? { StartAfter: behind } : {}) }
        const page = await ask(() => client.send(new ListObjectsV2Command(where)))
        for (const { Key = '', ETag, Size = 0, LastModified } of page.Contents ?? []) {
          yield { key: Key, size: Size, etag: unquoted(ETag), changedAt: toSecond(LastModified) }
          behind = Key
        }
        if (!page.IsTruncated || !page.Contents?.length) return
      }
    },

    signedUrl: (key, seconds) =>
      ask(async () => {
        const command = new GetObjectCommand({ Bucket: name, Key: key })
        return new URL(await getSignedUrl(client, command, { expiresIn: seconds }))
      }),

    [Symbol.dispose]: () => client.destroy(),
  }
}

const mostConflicts = 20

async function* chunksOf(body: Readable, faultOf: (error: unknown) => unknown): AsyncGenerator<Uint8Array, void> {
  try {
    yield* body as AsyncIterable<Uint8Array>
  } catch (error) {
    throw faultOf(error)
  }
}

function conditionHeaders(condition: Condition): { IfNoneMatch?: string; IfMatch?: string } {
  if (!condition) return {}
  return 'ifAbsent' in condition ? { IfNoneMatch: '*' } : { IfMatch: quoted(condition.ifMatch) }
}

/** A condition that does not hold; one for a version of what is not there at all is answered with 404. */
function isRefusal(error: unknown): boolean {
  return statusOf(error) === 412 || isServiceError(error, 'NoSuchKey', 'NotFound')
}

function unlessMissing(error: unknown): undefined {
  if (isRefusal(error)) return undefined
  throw error
}

function storedOf(found: {
  readonly ETag?: string | undefined
  readonly ContentLength?: number | undefined
  readonly LastModified?: Date | undefined
  readonly ContentRange?: string | undefined
}): Stored {
  const [, total] = /\/(\d+)$/.exec(found.ContentRange ?? '') ?? []
  return {
    etag: unquoted(found.ETag),
    size: Number(total ?? found.ContentLength),
    changedAt: toSecond(found.LastModified),
  }
}

function rangeHeader({ start, end }: Range): string {
  return `bytes=${start}-${end === undefined ? '' : end - 1}`
}

function quoted(etag: string): string {
  return `"${etag}"`
}

function unquoted(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '')
}
