import PQueue from 'p-queue'
import type { ContentHold } from '../content.ts'
import type { CopyImageOptions } from '../copy.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { copyBlob } from './copy-blob.ts'
import { mapInQueue } from './map-in-queue.ts'
import { retry } from './retry.ts'
import { trackBlobs } from './track-blobs.ts'

interface CopyBlobsOptions extends Pick<
  CopyImageOptions,
  'source' | 'sourceRepository' | 'isSourceDoubted' | 'sink' | 'queue' | 'retry' | 'signal' | 'onProgress'
> {
  /** What keeps the blobs from being collected until the last one is there. */
  readonly hold: ContentHold | undefined
}

const looksAtOnce = 8

/** Brings all blobs that the sink has not; gives how many bytes were fetched for that. */
export async function copyBlobs(blobs: readonly Descriptor[], options: CopyBlobsOptions): Promise<number> {
  const tracker = trackBlobs(blobs, options.onProgress)
  const look = async (blob: Descriptor, signal: AbortSignal): Promise<boolean> => {
    const isThere = await retry(() => options.sink.hasBlob(blob), { ...options.retry, signal })
    if (isThere) tracker.wasThere(blob)
    return isThere
  }
  // Not behind the blobs of other copies: it is the sink that is asked.
  const looks = { queue: new PQueue({ concurrency: looksAtOnce }), signal: options.signal }
  const found = await mapInQueue(blobs, look, looks)
  const absent = blobs.filter((_, at) => !found[at])
  tracker.report()

  const bring = (blob: Descriptor, signal: AbortSignal): Promise<void> =>
    retry(
      async (progressed) => {
        await options.hold?.renew()
        const moveTo = tracker.begin(blob)
        await copyBlob(blob, { ...options, signal, onDone: (bytes) => void (moveTo(bytes) && progressed()) })
      },
      { ...options.retry, signal },
    )
  await mapInQueue(absent, bring, { queue: options.queue, signal: options.signal })
  return tracker.bytesFetched()
}
