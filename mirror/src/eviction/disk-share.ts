import { readByteSize } from '../byte-size.ts'
import { Fault } from '../oci/fault.ts'

/** So many bytes, or such a part of a disk. */
export type DiskShare = { readonly bytes: number } | { readonly share: number }

/**
 * Reads `50GiB`, `50Gi`, `500MB`, `0` or `20%`.
 * @throws Fault invalid
 */
export function parseDiskShare(text: string): DiskShare {
  const [, percent] = /^(\d{1,3}(?:\.\d{1,6})?)\s*%$/.exec(text.trim()) ?? []
  if (Number(percent) <= 100) return { share: Number(percent) / 100 }
  const bytes = readByteSize(text)
  if (bytes !== undefined) return { bytes }
  throw new Fault('invalid', `"${text.slice(0, 100)}" is neither a size nor a part of the disk; write 50GiB or 20%`)
}

/** In bytes, on a disk of this size. */
export function bytesOf(amount: DiskShare, diskBytes: number): number {
  return 'bytes' in amount ? amount.bytes : Math.floor(amount.share * diskBytes)
}
