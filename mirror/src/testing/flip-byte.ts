import { open, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Digest } from '../oci/digest.ts'
import { blobKey } from '../store/content/content-keys.ts'

/** Flips one byte of a blob where it lies on disk, as a bad disk does it: without a trace in the file's times. For tests. */
export async function flipByte(directory: string, digest: Digest, at = 0): Promise<void> {
  const path = join(directory, blobKey(digest))
  const { atimeMs, mtimeMs } = await stat(path)
  const file = await open(path, 'r+')
  try {
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, at)
    byte[0] = (byte[0] ?? 0) ^ 0x10
    await file.write(byte, 0, 1, at)
  } finally {
    await file.close()
  }
  await utimes(path, atimeMs / 1000, mtimeMs / 1000)
}
