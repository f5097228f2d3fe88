import type { CopyImageOptions } from '../copy.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { copyBlob } from './copy-blob.ts'
import { mapInQueue } from './map-in-queue.ts'
import { retry } from './retry.ts'
import { trackBlobs } from './track-blobs.ts'

type CopyBlobsOptions = Pick<
  CopyImageOptions,
  'source' | 'sourceRepository' | 'sink' | 'queue' | 'retry' | 'signal' | 'onProgress'
>

/** Brings all blobs that the sink has not; gives how many bytes were fetched for that. */
export async function copyBlobs(blobs: readonly Descriptor[], options: CopyBlobsOptions): Promise<number> {
  const tracker = trackBlobs(blobs, options.onProgress)
  const absent: Descriptor[] = []
  for (const blob of blobs) {
    options.signal?.throwIfAborted()
    if (await options.sink.hasBlob(blob)) tracker.wasThere(blob)
    else absent.push(blob)
  }
  tracker.report()

  const bring = (blob: Descriptor, signal: AbortSignal): Promise<void> =>
    retry(
      async (progressed) => {
        const moveTo = tracker.begin(blob)
        await copyBlob(blob, { ...options, signal, onDone: (bytes) => void (moveTo(bytes) && progressed()) })
      },
      { ...options.retry, signal },
    )
  await mapInQueue(absent, bring, { queue: options.queue, signal: options.signal })
  return tracker.bytesFetched()
}
