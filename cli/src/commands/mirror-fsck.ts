import { Fault } from '@stowage/mirror/oci/fault'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { fsck } from '@stowage/mirror/store/fsck/fsck'
import {
  fsckOperation,
  type FsckFault,
  type FsckProgress,
  type FsckResult,
} from '@stowage/mirror/store/fsck/fsck-operation'
import { createIntegrity } from '@stowage/mirror/store/scrub/integrity'
import { createMender } from '@stowage/mirror/store/scrub/mender'
import { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import type { DataStore } from '../data-store.ts'
import { withMirrorPlaceOptions, type MirrorPlaceFlags } from '../mirror-place.ts'
import { option } from '../option.ts'
import { runOperation } from '../operations/run-operation.ts'
import { formatBytes, formatPercent } from '../print/format.ts'

interface FsckCommandFlags extends MirrorPlaceFlags {
  readonly readData?: boolean
  readonly repair?: boolean
  readonly output: 'text' | 'json'
}

/** `stowage mirror fsck`. */
export function mirrorFsckCommand(context: CommandContext): Command {
  const command = new Command('fsck')
    .description('Look whether tags, manifests, layers and the bytes that are stored fit each other; changes nothing.')
    .addOption(option('--read-data', 'read all bytes and compare them with their digests, not only those of manifests'))
    .addOption(option('--repair', 'mend what can be mended without a risk, and take what is damaged out of service'))
    .addOption(option('-o, --output <form>', 'text or json').choices(['text', 'json']).default('text'))
  return withMirrorPlaceOptions(command)
    .addHelpText('after', notes)
    .action((flags: FsckCommandFlags) => runMirrorFsck(context, flags))
}

const notes = `
The exit code is 1 if something is wrong and was not repaired. A mirror that runs fetches bytes that are missing again from the
upstream that they came from, with --repair.
Examples:
  stowage mirror fsck --data ./registry
  stowage mirror fsck --mirror http://127.0.0.1:5080 --mirror-token-file token --read-data --repair`

async function runMirrorFsck(context: CommandContext, flags: FsckCommandFlags): Promise<void> {
  const { readData: isReadingData = false, repair: isRepairing = false, output } = flags
  const result = await runOperation(
    context,
    { operation: fsckOperation, onData: fsckOf, lineOf },
    { flags, options: { isReadingData, isRepairing } },
  )
  context.stdout.write(output === 'json' ? `${JSON.stringify(result, null, 2)}\n` : wordsOf(result))
  const left = result.faults.filter(({ isRepaired }) => !isRepaired).length
  if (left > 0) throw new Fault('corrupt', `${left} ${left === 1 ? 'fault' : 'faults'} in the store; see above`)
}

function fsckOf({ objects }: DataStore): ReturnType<typeof fsck> {
  const integrity = createIntegrity(objects)
  const content = createContentStore(objects, { integrity })
  const mender = createMender({ objects, content, integrity, sources: [] })
  return fsck({ objects, integrity, mender, restRatio: 0 })
}

function lineOf({ step, done, total }: FsckProgress): string {
  if (step === 'reading blobs' && total !== undefined) {
    return `${step}: ${formatBytes(done)} of ${formatBytes(total)}, ${formatPercent(done, total)}`
  }
  return total === undefined ? `${step}: ${done}` : `${step}: ${done} of ${total}`
}

function wordsOf(result: FsckResult): string {
  const { repositories, tags, manifests, blobs, faults, incomplete, strays } = result
  const repaired = faults.filter(({ isRepaired }) => isRepaired).length
  return [
    ...faults.map(lineOfFault),
    ...strays.map((key) => `${key} is no blob, though it lies among them`),
    `looked at     repositories ${repositories}, tags ${tags}, manifests ${manifests}, blobs ${wordsOfPile(blobs)}`,
    `faults        ${faults.length - repaired}${repaired > 0 ? `, repaired ${repaired}` : ''}`,
    `incomplete    ${incomplete.length}: images and indexes of which parts are not here`,
    `unlinked      ${wordsOfPile(result.unlinked)}: what no repository has, garbage`,
    `begun         ${wordsOfPile(result.uploads)}: uploads and fetches`,
    `quarantined   ${wordsOfPile(result.quarantined)}`,
    '',
  ].join('\n')
}

function lineOfFault({ kind, repository, tag, digest, says, isRepaired }: FsckFault): string {
  const name = tag === undefined ? [repository, digest].filter(Boolean).join('@') : `${repository}:${tag}`
  return `${isRepaired ? 'repaired' : 'FAULT'}  ${kind}  ${name} ${says}`
}

function wordsOfPile({ count, bytes }: FsckResult['blobs']): string {
  return `${count} (${formatBytes(bytes)})`
}
