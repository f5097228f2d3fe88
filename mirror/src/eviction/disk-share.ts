import { Fault } from '../oci/fault.ts'

/** So many bytes, or such a part of a disk. */
export type DiskShare = { readonly bytes: number } | { readonly share: number }

const units: Readonly<Record<string, number>> = {
  '': 1,
  k: 1000,
  M: 1000 ** 2,
  G: 1000 ** 3,
  T: 1000 ** 4,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
}

/**
 * Reads `50GiB`, `50Gi`, `500MB`, `0` or `20%`.
 * @throws Fault invalid
 */
export function parseDiskShare(text: string): DiskShare {
  const [, number, unit = ''] = /^(\d{1,12}(?:\.\d{1,6})?)\s*(%|(?:[kMGT]|[KMGT]i)?B?)$/.exec(text.trim()) ?? []
  const amount = Number(number)
  if (number !== undefined && unit === '%' && amount <= 100) return { share: amount / 100 }
  const factor = units[unit.replace(/B$/, '')]
  if (number !== undefined && factor !== undefined) return { bytes: Math.round(amount * factor) }
  throw new Fault('invalid', `"${text.slice(0, 100)}" is neither a size nor a part of the disk; write 50GiB or 20%`)
}

/** In bytes, on a disk of this size. */
export function bytesOf(amount: DiskShare, diskBytes: number): number {
  return 'bytes' in amount ? amount.bytes : Math.floor(amount.share * diskBytes)
}
