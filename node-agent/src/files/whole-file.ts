import { dirname } from 'node:path'
import { Fault } from '@stowage/mirror/oci/fault'
import type { FileSystem } from './file-system.ts'

/**
 * Reads a small file; undefined if it is not there.
 * @throws Fault invalid if it is larger than `maxBytes`
 */
export async function readWholeFile(files: FileSystem, path: string, maxBytes: number): Promise<Buffer | undefined> {
  await using file = await files.openForReading(path)
  if (!file) return undefined
  const size = await file.size()
  if (size > maxBytes)
    throw new Fault('invalid', `${path}: ${size} bytes are more than the ${maxBytes} expected at most`)
  const bytes = Buffer.alloc(size)
  for (let filled = 0; filled < size;) {
    const read = await file.read(bytes.subarray(filled), filled)
    if (read === 0) return bytes.subarray(0, filled)
    filled += read
  }
  return bytes
}

/**
 * Puts a small file in place, whole and durable, or not at all: at no instant does its name mean half of it.
 * Two writers of one name must take turns.
 * @param temporary where it lies until then, on the same file system
 */
export async function writeWholeFile(
  files: FileSystem,
  path: string,
  bytes: Uint8Array,
  temporary: string = `${path}.new`,
): Promise<void> {
  await files.remove(temporary)
  {
    await using file = await files.openForWriting(temporary)
    await file.write(bytes, 0)
    await file.sync()
  }
  await files.rename(temporary, path)
  await files.syncDirectory(dirname(path))
}
