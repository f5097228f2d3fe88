import { Fault } from '@stowage/mirror/oci/fault'

/** Slower than this, what carries the bytes would take a node for dead. In bytes per second. */
export const slowestRate = 1000

/** A regular expression for what `parseRate` reads. */
export const ratePattern = '^[0-9]+(?:\\.[0-9]+)?(?:k|M|G|Ki|Mi|Gi)?$'

const units: Readonly<Record<string, number>> = {
  '': 1,
  k: 1000,
  M: 1000 ** 2,
  G: 1000 ** 3,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
}

/**
 * Reads bytes per second, written as Kubernetes writes quantities: `500Ki`, `2.5M`, `1048576`.
 * @throws Fault invalid
 */
export function parseRate(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)(k|M|G|Ki|Mi|Gi)?$/.exec(text) ?? []
  if (number === undefined) {
    throw new Fault(
      'invalid',
      `"${text}" is not a rate; write bytes per second as 500Ki, 2M or 1.5Mi (bits are 8 to a byte)`,
    )
  }
  const bytesPerSecond = Math.round(Number(number) * (units[unit] ?? 1))
  if (bytesPerSecond >= slowestRate) return bytesPerSecond
  throw new Fault('invalid', `"${text}" is too slow: at least ${slowestRate} bytes per second`)
}
