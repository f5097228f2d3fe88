import { parseDuration } from '@stowage/mirror/duration'
import type { CollectionRules } from '@stowage/mirror/store/gc/plan-links'
import type { Command } from 'commander'
import { option, parsedBy } from './option.ts'

/** How a process that serves a store collects its garbage; in milliseconds. */
export interface GcFlags {
  /** 0 for never. */
  readonly gcEvery: number
  readonly gcGrace: number
  readonly gcUntagged: number
}

/** Adds what is to be said of collecting garbage beside everything else. */
export function withGcOptions(command: Command): Command {
  return command
    .addOption(
      option('--gc-every <duration>', 'how often garbage is collected; off for only when "stowage mirror gc" asks')
        .argParser(parsedBy(parseEvery))
        .default(parseDuration('6h'), '6h'),
    )
    .addOption(
      option(
        '--gc-grace <duration>',
        'how long what nothing needs is kept after that was noticed: longer than the longest push',
      )
        .argParser(parsedBy(parseDuration))
        .default(parseDuration('24h'), '24h'),
    )
    .addOption(
      option('--gc-untagged <duration>', 'how long a manifest is kept that has no tag, or has lost its last one')
        .argParser(parsedBy(parseDuration))
        .default(parseDuration('168h'), '168h'),
    )
}

export function gcRules({ gcGrace, gcUntagged }: GcFlags): Partial<CollectionRules> {
  return { graceMs: gcGrace, untaggedMs: gcUntagged }
}

/** @throws Fault invalid */
function parseEvery(text: string): number {
  return text.trim() === 'off' ? 0 : parseDuration(text)
}
