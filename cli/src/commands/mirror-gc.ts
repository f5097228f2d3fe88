import { parseDuration } from '@stowage/mirror/duration'
import type { Collection, CollectionProgress } from '@stowage/mirror/store/gc/collect-garbage'
import { gcOperation, runGc } from '@stowage/mirror/store/gc/gc-operation'
import { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { withMirrorPlaceOptions, type MirrorPlaceFlags } from '../mirror-place.ts'
import { option, parsedBy } from '../option.ts'
import { runOperation } from '../operations/run-operation.ts'
import { createStoreCollector } from '../operations/store-collector.ts'
import { formatBytes } from '../print/format.ts'

interface GcCommandFlags extends MirrorPlaceFlags {
  readonly dryRun?: boolean
  readonly gcGrace?: number
  readonly gcUntagged?: number
  readonly output: 'text' | 'json'
}

/** `stowage mirror gc`. */
export function mirrorGcCommand(context: CommandContext): Command {
  const command = new Command('gc')
    .description('Collect garbage once: what no tag, set, hold or controller needs goes, a day after that was noticed.')
    .addOption(option('--dry-run', 'write nothing, and say what would be done'))
    .addOption(
      option('--gc-grace <duration>', "how long what is condemned is kept (default: the mirror's, or 24h)").argParser(
        parsedBy(parseDuration),
      ),
    )
    .addOption(
      option(
        '--gc-untagged <duration>',
        "how long a manifest without a tag is kept (default: the mirror's, or 168h)",
      ).argParser(parsedBy(parseDuration)),
    )
    .addOption(option('-o, --output <form>', 'text or json').choices(['text', 'json']).default('text'))
  return withMirrorPlaceOptions(command)
    .addHelpText('after', notes)
    .action((flags: GcCommandFlags) => runMirrorGc(context, flags))
}

const notes = `
What one collection condemns, a later one deletes. A mirror that serves collects by itself (--gc-every); nobody who uses it need stop.
Examples:
  stowage mirror gc --data ./registry --dry-run
  stowage mirror gc --mirror http://127.0.0.1:5080 --mirror-token-file token -o json`

async function runMirrorGc(context: CommandContext, flags: GcCommandFlags): Promise<void> {
  const { dryRun: isDryRun = false, gcGrace: graceMs, gcUntagged: untaggedMs, output } = flags
  const collection = await runOperation(
    context,
    {
      operation: gcOperation,
      onData: (data) => runGc(createStoreCollector({ ...data, isServing: false })),
      lineOf,
    },
    { flags, options: { isDryRun, rules: { graceMs, untaggedMs } } },
  )
  for (const { repository, reason } of collection.leftAlone) {
    context.stderr.write(`no garbage was looked for in ${repository}: ${reason}\n`)
  }
  context.stdout.write(output === 'json' ? `${JSON.stringify(collection, null, 2)}\n` : wordsOf(collection, isDryRun))
}

function lineOf({ repositories, links, blobs, condemned, deleted }: CollectionProgress): string {
  const seen = `looked at ${repositories} repositories with ${links} manifests and blobs, ${blobs} blobs stored`
  return `${seen}; condemned ${condemned}, deleted ${deleted}`
}

/** What is deleted of repositories need not free bytes: others may link them. */
function wordsOf({ repositories, links, blobs }: Collection, isDryRun: boolean): string {
  const lines: [did: string, what: string][] = [
    ['looked at', `${repositories} repositories with ${links.found} manifests and blobs, ${blobs.blobs} blobs stored`],
    [isDryRun ? 'would pardon' : 'pardoned', `${links.pardoned} that are needed again`],
    [isDryRun ? 'would condemn' : 'condemned', `${links.condemned} in repositories, ${blobs.condemned} blobs stored`],
    [isDryRun ? 'would delete' : 'deleted', `${links.deleted} in repositories, ${blobs.deleted} blobs stored`],
    [isDryRun ? 'would free' : 'freed', formatBytes(blobs.bytesDeleted)],
    ['later', `${formatBytes(blobs.bytesCondemned)} that no repository has go with the next collection`],
  ]
  return lines.map(([did, what]) => `${did.padEnd(15)}${what}\n`).join('')
}
