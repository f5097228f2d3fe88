import { randomUUID } from 'node:crypto'
import { digestOf } from '@stowage/mirror/oci/digest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { fsck } from '@stowage/mirror/store/fsck/fsck'
import { createS3Store } from '@stowage/mirror/store/s3/create-s3-store'
import { createIntegrity } from '@stowage/mirror/store/scrub/integrity'
import { createScrubber } from '@stowage/mirror/store/scrub/scrubber'
import { silentLog } from '@stowage/mirror/testing/silent-log'
import { expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import { withBucket } from './with-bucket.ts'

const sizes = [1000, 700_000]

requirePart('versitygw')('bytes that go bad in a bucket', () => {
  const bucket = withBucket()

  it.each([
    ['flipped', 'blob-damaged'],
    ['gone', 'blob-damaged'],
  ])('are found by fsck when %s, and taken out of service and mended by a scrub', async (how, kind) => {
    const prefix = randomUUID()
    const objects = createS3Store({ bucket: bucket(), prefix, deletesOnCondition: true })
    const integrity = createIntegrity(objects)
    const content = createContentStore(objects, { integrity })
    const repository = content.repository('team/app')
    const contents = sizes.map((size) => Buffer.alloc(size, randomUUID()))
    const blobs = contents.map((bytes) => ({
      mediaType: mediaTypes.layer,
      digest: digestOf(bytes),
      size: bytes.length,
    }))
    const bring = async (n: number): Promise<void> => {
      await using ingest = await repository.ingest(blobs[n]!)
      await ingest?.write(
        (async function* () {
          yield contents[n]!
        })(),
      )
      await ingest?.commit()
    }
    for (const n of sizes.keys()) await bring(n)

    for await (const { key } of bucket().list(`${prefix}/data/`)) {
      if (how === 'gone') await bucket().delete(key)
      else await bucket().put(key, Buffer.from(contents[1]!.map((byte, n) => (n === 600_000 ? byte ^ 1 : byte))))
    }
    const sources = [
      {
        bring: async ({ content: lost }: { content: { digest: string } }) => {
          await bring(blobs.findIndex(({ digest }) => digest === lost.digest))
          return true
        },
      },
    ]
    const { mender, scrubNow } = createScrubber({ objects, integrity, content, sources, log: silentLog })
    const context = { signal: new AbortController().signal, onProgress: () => undefined }
    const look = () =>
      fsck({ objects, integrity, mender, restRatio: 0 })({ isReadingData: true, isRepairing: false }, context)
    expect((await look()).faults).toMatchObject([{ kind, digest: blobs[1]!.digest }])
    expect(await scrubNow({}, context)).toMatchObject({
      blobs: 2,
      damaged: 1,
      troubles: [{ digest: blobs[1]!.digest, isSettled: true }],
    })
    expect(await look()).toMatchObject({ faults: [], quarantined: { count: 1 } })
    const { bytes } = (await repository.openBlob(blobs[1]!.digest))!
    expect(Buffer.concat(await Array.fromAsync(bytes)).equals(contents[1]!)).toBe(true)
  })
})
