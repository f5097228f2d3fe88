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
What lost its last tag is kept for --gc-untagged, then condemned for --gc-grace; its bytes go with the collections after that.
What one collection condemns, a later one deletes. A mirror that serves collects by itself (--gc-every); nobody who uses it need stop.
Room at once: three times in a row with --gc-untagged 0s --gc-grace 0s, while nobody pushes or copies to it, who might have to begin anew.
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
  return `looked at ${seenOf(repositories, links, blobs)}; condemned ${condemned}, deleted ${deleted}`
}

function seenOf(repositories: number, links: number, blobs: number): string {
  return `repositories ${repositories}, manifests and blobs in them ${links}, blobs stored ${blobs}`
}

/** What is deleted of repositories need not free bytes: others may link them. */
function wordsOf({ repositories, links, blobs }: Collection, isDryRun: boolean): string {
  const lines: [did: string, what: string][] = [
    ['looked at', seenOf(repositories, links.found, blobs.blobs)],
    [isDryRun ? 'would pardon' : 'pardoned', `needed again ${links.pardoned}`],
    [isDryRun ? 'would condemn' : 'condemned', `in repositories ${links.condemned}, blobs stored ${blobs.condemned}`],
    [isDryRun ? 'would delete' : 'deleted', `in repositories ${links.deleted}, blobs stored ${blobs.deleted}`],
    [isDryRun ? 'would free' : 'freed', formatBytes(blobs.bytesDeleted)],
    [
      'waiting',
      `manifests without a tag ${links.untagged} (--gc-untagged), condemned before ${links.waiting} (--gc-grace)`,
    ],
    ['later', `${formatBytes(blobs.bytesCondemned)} that no repository has go with the next collection`],
  ]
  return lines.map(([did, what]) => `${did.padEnd(15)}${what}\n`).join('')
}
