import type { FoundFile } from './list-files.ts'

/** Files that were found one after the other, and can be handed to another thread at once. */
export interface FileBatch {
  readonly files: ReadonlyArray<
    Omit<FoundFile, 'bytes'> & { readonly bytes: readonly [start: number, end: number] | undefined }
  >
  /** Of all of them, in memory that nobody else looks at. */
  readonly bytes: Uint8Array<ArrayBuffer>
}

const mostFiles = 16
const mostBytes = 256 * 1024

/** Packs what is found; the last batch may be a small one. */
export async function* inBatches(found: AsyncIterable<FoundFile>): AsyncGenerator<FileBatch> {
  let pending: FoundFile[] = []
  let size = 0
  for await (const file of found) {
    pending.push(file)
    size += file.bytes?.length ?? 0
    if (pending.length < mostFiles && size < mostBytes) continue
    yield packed(pending)
    pending = []
    size = 0
  }
  if (pending.length > 0) yield packed(pending)
}

/** One batch of all of them. */
export function packed(found: readonly FoundFile[]): FileBatch {
  const all = new Uint8Array(found.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0))
  let end = 0
  const files = found.map(({ bytes, ...file }) => {
    if (!bytes) return { ...file, bytes: undefined }
    const start = end
    end += bytes.length
    all.set(bytes, start)
    return { ...file, bytes: [start, end] as const }
  })
  return { files, bytes: all }
}

/** The files of a batch again. */
export function* unpacked({ files, bytes: all }: FileBatch): Generator<FoundFile> {
  for (const { bytes, ...file } of files) {
    yield { ...file, bytes: bytes && Buffer.from(all.buffer, bytes[0], bytes[1] - bytes[0]) }
  }
}
