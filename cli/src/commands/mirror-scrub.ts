import { Fault } from '@stowage/mirror/oci/fault'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { createIntegrity } from '@stowage/mirror/store/scrub/integrity'
import { createScrubber } from '@stowage/mirror/store/scrub/scrubber'
import { scrubOperation, type ScrubProgress, type ScrubResult } from '@stowage/mirror/store/scrub/scrub-operation'
import { Command } from 'commander'
import type { Logger } from 'pino'
import type { CommandContext } from '../command-context.ts'
import type { DataStore } from '../data-store.ts'
import { withMirrorPlaceOptions, type MirrorPlaceFlags } from '../mirror-place.ts'
import { option, parsedBy } from '../option.ts'
import { runOperation } from '../operations/run-operation.ts'
import { formatBytes, formatDuration, formatRate } from '../print/format.ts'
import { progressLine } from '../print/progress.ts'
import { parseRate } from '../scrub-options.ts'

interface ScrubCommandFlags extends MirrorPlaceFlags {
  readonly rate: number | 'off'
  readonly output: 'text' | 'json'
}

/** `stowage mirror scrub`. */
export function mirrorScrubCommand(context: CommandContext): Command {
  const command = new Command('scrub')
    .description('Read everything once and compare it with its digest; damaged blobs are taken out of service.')
    .addOption(
      option('--rate <bytes>', 'bytes a second that are read at most, as 100Mi; off for as fast as it goes')
        .argParser(parsedBy(parseRate))
        .default(100 * 1024 * 1024, '100Mi'),
    )
    .addOption(option('-o, --output <form>', 'text or json').choices(['text', 'json']).default('text'))
  return withMirrorPlaceOptions(command)
    .addHelpText('after', notes)
    .action((flags: ScrubCommandFlags) => runMirrorScrub(context, flags))
}

const notes = `
A mirror that serves scrubs by itself (--scrub-rate), and fetches what it finds damaged again from the upstream it came from.
The exit code is 1 if something is damaged that is not there again, also if an earlier scrub or a reader found it.
Examples:
  stowage mirror scrub --data ./registry --rate off
  stowage mirror scrub --mirror http://127.0.0.1:5080 --mirror-token-file token -o json`

async function runMirrorScrub(context: CommandContext, flags: ScrubCommandFlags): Promise<void> {
  const { rate, output } = flags
  const result = await runOperation(
    context,
    {
      operation: scrubOperation,
      onData: (data, log) => scrubberOf(data, log).scrubNow,
      lineOf,
    },
    { flags, options: rate === 'off' ? {} : { bytesPerSecond: rate } },
  )
  context.stdout.write(output === 'json' ? `${JSON.stringify(result, null, 2)}\n` : wordsOf(result))
  const left = result.troubles.filter(({ isSettled }) => !isSettled).length
  if (left > 0) throw new Fault('corrupt', `${left} ${left === 1 ? 'blob is' : 'blobs are'} not right; see above`)
}

function scrubberOf({ objects }: DataStore, log: Logger): ReturnType<typeof createScrubber> {
  const integrity = createIntegrity(objects)
  const content = createContentStore(objects, { integrity })
  return createScrubber({ objects, integrity, content, sources: [], log })
}

function lineOf({ blobs, blobsTotal, bytes, bytesTotal, elapsedMs }: ScrubProgress): string {
  const line = progressLine({ done: bytes, total: bytesTotal, moved: bytes, elapsedMs })
  return `${blobs} of ${blobsTotal} blobs, ${line}`
}

function wordsOf({ blobs, bytes, damaged, unreadable, elapsedMs, troubles }: ScrubResult): string {
  const rate = formatRate((bytes * 1000) / Math.max(1, elapsedMs))
  return [
    ...troubles.map(({ digest, says }) => `${digest} ${says}`),
    `read ${blobs} blobs, ${formatBytes(bytes)}, in ${formatDuration(elapsedMs)} (${rate}): ${damaged} damaged, ${unreadable} unreadable`,
    '',
  ].join('\n')
}
