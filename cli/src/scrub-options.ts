import { parseByteSize } from '@stowage/mirror/byte-size'
import { parseDuration } from '@stowage/mirror/duration'
import type { Command } from 'commander'
import { option, parsedBy } from './option.ts'

/** How a process that serves a store re-hashes what lies in it. */
export interface ScrubFlags {
  /** Bytes a second; absent: as it is usual for such a store. */
  readonly scrubRate?: number | 'off'
  /** Milliseconds. */
  readonly scrubEvery: number
}

/** Of 10 MiB a second a disk notices nothing, and 8 TiB are through in ten days. */
const usualRate = 10 * 1024 * 1024

/** Adds what is to be said of scrubbing beside everything else. */
export function withScrubOptions(command: Command): Command {
  return command
    .addOption(
      option(
        '--scrub-rate <bytes>',
        'bytes a second that are re-hashed beside everything else, as 10Mi, or off (default: 10Mi; off for a bucket)',
      ).argParser(parsedBy(parseRate)),
    )
    .addOption(
      option('--scrub-every <duration>', 'how often everything is re-hashed')
        .argParser(parsedBy(parseDuration))
        .default(parseDuration('336h'), '336h'),
    )
}

/** @throws Fault invalid */
export function parseRate(text: string): number | 'off' {
  return text.trim() === 'off' ? 'off' : parseByteSize(text)
}

/** Bytes a second; a service that keeps buckets looks after their bytes itself, and is paid for each that is read. */
export function scrubRateOf({ scrubRate }: ScrubFlags, isInBucket: boolean): number | 'off' {
  return scrubRate ?? (isInBucket ? 'off' : usualRate)
}
