import { join } from 'node:path'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { algorithmOf, hexOf, type Digest } from '@stowage/mirror/oci/digest'
import type { FileSystem, OpenFile } from '../files/file-system.ts'
import type { PartJournal } from '../state/part-journal.ts'
import { createPart, type Part, type PartProgress } from './part.ts'
import { verifiedPrefix } from './verified-prefix.ts'

/** Half-fetched blobs, one file each, that outlive the process and the power. */
export interface PartStore {
  /** Opens what is there of a blob, or begins it. One opener at a time. */
  open(blob: Descriptor): Promise<Part>
  /** Where the file of a blob lies. */
  pathOf(digest: Digest): string
  /** Bytes of a blob that lie on the disk here for certain. */
  durableBytes(digest: Digest): number
  /** The runtime took it over, or nobody wants it. */
  drop(digest: Digest): Promise<void>
  /** Drops all but these and those that are open. */
  retain(digests: ReadonlySet<Digest>): Promise<void>
  /** Bytes that its disk still takes. */
  freeBytes(): Promise<number>
}

export interface PartStoreOptions {
  readonly directory: string
  readonly files: FileSystem
  readonly journal: PartJournal
  /** See `readBootId`. */
  readonly bootId: string
  /** How finely damage is found, in bytes. */
  readonly extentBytes?: number | undefined
  /** Longest time between two syncs while bytes come, in milliseconds. */
  readonly syncEveryMs?: number | undefined
  /** Milliseconds, from any beginning, never going back. */
  readonly monotonicNow?: () => number
}

/** Opens the part files of a data directory. */
export async function openPartStore(options: PartStoreOptions): Promise<PartStore> {
  const { directory, files, journal, bootId } = options
  const { extentBytes = 4 * 1024 * 1024, syncEveryMs = 1000, monotonicNow = () => performance.now() } = options
  const durable = new Map<Digest, () => number>()
  const known = new Map<Digest, PartProgress>()
  const opened = new Set<Digest>()
  const nameOf = (digest: Digest): string => `${algorithmOf(digest)}-${hexOf(digest)}`
  const pathOf = (digest: Digest): string => join(directory, nameOf(digest))

  await files.makeDirectory(directory)
  // An earlier process may have died between making a file and making its name durable.
  await files.syncDirectory(directory)
  for (const digest of journal.digests()) {
    const noted = journal.get(digest)?.extents.at(-1)?.end ?? 0
    const bytes = Math.min(noted, (await files.sizeOf(pathOf(digest))) ?? 0)
    durable.set(digest, () => bytes)
  }

  function remember(digest: Digest, progress: PartProgress): PartProgress {
    known.set(digest, progress)
    durable.set(digest, () => progress.durableLength)
    return progress
  }

  async function openFile(digest: Digest): Promise<OpenFile> {
    if (!journal.get(digest)) {
      await files.remove(pathOf(digest))
      journal.begin(digest, { boot: bootId, extents: [] })
    }
    const isNew = (await files.sizeOf(pathOf(digest))) === undefined
    const file = await files.openForWriting(pathOf(digest))
    if (isNew) await files.syncDirectory(directory)
    return file
  }

  /** What this process remembers of a part; only a disk that was changed behind its back belies it. */
  async function recall(digest: Digest, file: OpenFile): Promise<PartProgress | undefined> {
    const progress = known.get(digest)
    const size = await file.size()
    if (!progress || size < progress.length) return undefined
    if (size > progress.length) await file.truncate(progress.length)
    return progress
  }

  /** Reads what is there and brings file and journal to agree on it. */
  async function settle(digest: Digest, file: OpenFile, trustTail: boolean): Promise<PartProgress> {
    const noted = journal.get(digest)?.extents ?? []
    const prefix = await verifiedPrefix(file, { digest, extents: noted, extentBytes, trustTail })
    const { length, hash, extentHasher, extents } = prefix
    if ((await file.size()) > length) await file.truncate(length)
    await file.sync()
    journal.begin(digest, { boot: bootId, extents })
    await journal.record(digest, extentHasher.take(), Math.max(0, length - (noted.at(-1)?.end ?? 0)))
    return remember(digest, { length, durableLength: length, uncounted: 0, unnoted: [], hash, extentHasher })
  }

  async function drop(digest: Digest): Promise<void> {
    known.delete(digest)
    durable.delete(digest)
    await files.remove(pathOf(digest))
    journal.drop(digest)
  }

  async function open(blob: Descriptor): Promise<Part> {
    const { digest } = blob
    if (opened.has(digest)) throw new Error(`part ${digest} is open already`)
    opened.add(digest)
    const file = await openFile(digest).catch((error: unknown) => {
      opened.delete(digest)
      throw error
    })
    async function close(): Promise<void> {
      opened.delete(digest)
      await file[Symbol.asyncDispose]()
    }
    try {
      const isSameBoot = journal.get(digest)?.boot === bootId
      const progress = (await recall(digest, file)) ?? (await settle(digest, file, isSameBoot))
      return createPart({ blob, file, progress, journal, close, syncEveryMs, monotonicNow })
    } catch (error) {
      await close()
      throw error
    }
  }

  return {
    open,
    pathOf,
    drop,
    durableBytes: (digest) => durable.get(digest)?.() ?? 0,
    freeBytes: () => files.freeBytes(directory),

    async retain(digests) {
      const kept = new Set([...digests, ...opened])
      for (const digest of journal.digests()) if (!kept.has(digest)) await drop(digest)
      const names = new Set([...kept].map(nameOf))
      for (const name of await files.list(directory)) if (!names.has(name)) await files.remove(join(directory, name))
    },
  }
}
