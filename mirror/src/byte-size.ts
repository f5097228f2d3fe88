import { Fault } from './oci/fault.ts'

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
 * Reads a number of bytes, written as Kubernetes writes quantities: `500Mi`, `2.5G`, `1048576`; a B behind it does no harm.
 * @throws Fault invalid, also for 0
 */
export function parseByteSize(text: string): number {
  const bytes = readByteSize(text)
  if (bytes) return bytes
  throw new Fault('invalid', `"${text.slice(0, 50)}" is not a size; write bytes as 500Mi, 20G or 1.5Ti`)
}

/** The same, 0 included; undefined if it is no size. */
export function readByteSize(text: string): number | undefined {
  const [, number, unit = ''] = /^(\d{1,15}(?:\.\d{1,3})?)(k|M|G|T|Ki|Mi|Gi|Ti)?B?$/.exec(text.trim()) ?? []
  const bytes = Math.round(Number(number) * (units[unit] ?? 1))
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
