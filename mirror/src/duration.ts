import { Fault } from './oci/fault.ts'

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3600_000 }

/** A regular expression for what `parseDuration` reads. */
export const durationPattern = '^(?:0|(?:[0-9]+(?:\\.[0-9]+)?(?:ms|s|m|h))+)$'

/**
 * Reads a duration as Go writes it (`15m`, `1h30m`, `500ms`, `0s`); kube-fledged's flags and the durations of an ImageCache have this form. In milliseconds.
 * @throws Fault invalid
 */
export function parseDuration(text: string): number {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  if (text.trim() === '0') return 0
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text.trim()) {
    throw new Fault('invalid', `"${text}" is not a duration; write 90s, 15m or 1h30m`)
  }
  return parts.reduce((total, [, number, unit = 's']) => total + Number(number) * (unitMs[unit] ?? 0), 0)
}
