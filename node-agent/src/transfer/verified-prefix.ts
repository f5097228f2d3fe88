import { createHash, type Hash } from 'node:crypto'
import { algorithmOf, type Digest } from '@stowage/mirror/oci/digest'
import type { OpenFile } from '../files/file-system.ts'
import type { Extent } from '../state/part-journal.ts'
import { createExtentHasher, type ExtentHasher } from './extent-hasher.ts'

/** The beginning of a part file that can be gone on with. */
export interface Prefix {
  readonly length: number
  /** Over these bytes, with the algorithm of the blob's digest. */
  readonly hash: Hash
  /** Cuts what comes next; its first `take` tells of bytes that no extent spoke of. */
  readonly extentHasher: ExtentHasher
  /** Those of the given extents that are as they were written. */
  readonly extents: readonly Extent[]
}

const bufferBytes = 1024 * 1024

export interface VerifiedPrefixOptions {
  readonly digest: Digest
  /** As an `ExtentHasher` made them, in order and without gaps from 0 on. */
  readonly extents: readonly Extent[]
  readonly extentBytes: number
  /** Whether bytes behind the extents count. */
  readonly trustTail: boolean
}

/**
 * Reads a part file and says how much of its beginning is what was once written: up to the first extent that is not.
 */
export async function verifiedPrefix(
  file: OpenFile,
  { digest, extents, extentBytes, trustTail }: VerifiedPrefixOptions,
): Promise<Prefix> {
  const buffer = Buffer.allocUnsafe(bufferBytes)
  const extentHasher = createExtentHasher(0, extentBytes)
  let hash = createHash(algorithmOf(digest))
  let length = 0

  async function passUpTo(end: number, into: Hash): Promise<void> {
    while (length < end) {
      const read = await file.read(buffer.subarray(0, Math.min(bufferBytes, end - length)), length)
      if (read === 0) return
      into.update(buffer.subarray(0, read))
      extentHasher.update(buffer.subarray(0, read))
      length += read
    }
  }

  for (const [index, noted] of extents.entries()) {
    const extended = hash.copy()
    await passUpTo(noted.end, extended)
    const [found] = extentHasher.take()
    if (found?.start !== noted.start || found.end !== noted.end || found.sha256 !== noted.sha256) {
      return {
        length: noted.start,
        hash,
        extentHasher: createExtentHasher(noted.start, extentBytes),
        extents: extents.slice(0, index),
      }
    }
    hash = extended
  }
  if (trustTail) await passUpTo(Infinity, hash)
  return { length, hash, extentHasher, extents }
}
