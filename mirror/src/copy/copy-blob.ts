import type { BytesThere, ContentSink, ContentSource } from '../content.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { hasSameBytes } from './has-same-bytes.ts'

export interface CopyBlobOptions {
  readonly source: ContentSource
  readonly sourceRepository: string
  readonly sink: ContentSink
  /** As in `CopyImageOptions`. */
  readonly isSourceDoubted?: boolean | undefined
  /** How many bytes of the blob the sink has by now; it can go back. */
  readonly onDone: (bytes: number) => void
  readonly signal?: AbortSignal | undefined
}

/**
 * Tries once to bring a blob to its end, going on where the sink stopped.
 * @throws Fault of source or sink
 */
export async function copyBlob(
  blob: Descriptor,
  { source, sourceRepository, sink, isSourceDoubted = false, onDone, signal }: CopyBlobOptions,
): Promise<void> {
  const hasBytes = (there: BytesThere): Promise<boolean> =>
    hasSameBytes(blob, there, { source, sourceRepository, signal })
  const ingest = await sink.ingest(blob, { signal, ...(isSourceDoubted && { hasBytes }) })
  if (!ingest) return onDone(blob.size)
  await using open = ingest
  onDone(open.offset)
  if (open.offset < blob.size) {
    const bytes = await source.blob(sourceRepository, blob, { offset: open.offset, signal })
    await open.write(counted(bytes, { from: open.offset, onDone }))
  }
  await open.commit()
}

/** A chunk counts when whoever takes it asks for the next one. */
async function* counted(
  bytes: AsyncIterable<Uint8Array>,
  { from, onDone }: { readonly from: number; readonly onDone: (bytes: number) => void },
): AsyncGenerator<Uint8Array> {
  let done = from
  for await (const chunk of bytes) {
    yield chunk
    done += chunk.length
    onDone(done)
  }
}
