import { parseMirrorReference, type MirrorReference } from '@stowage/mirror/images/mirror-reference'
import type { Removal } from '@stowage/mirror/images/plan-removal'
import { removeImages } from '@stowage/mirror/images/remove-images'
import { Fault } from '@stowage/mirror/oci/fault'
import { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { openImages, withImagePlaceOptions, type ImagePlaceFlags } from '../open-image-place.ts'
import { eachParsedBy, option } from '../option.ts'

interface RmFlags extends ImagePlaceFlags {
  readonly force?: boolean
  readonly dryRun?: boolean
  readonly output: 'text' | 'json'
}

/** `stowage mirror rm`: takes tags or images away. */
export function mirrorRmCommand(context: CommandContext): Command {
  const command = new Command('rm')
    .description(
      'Take tags away, or manifests with all their tags. Bytes become free when garbage is collected, days later: see gc.',
    )
    .argument('<reference...>', 'REPOSITORY:TAG or REPOSITORY@DIGEST', eachParsedBy(parseExact))
  return withImagePlaceOptions(command)
    .addOption(option('--dry-run', 'only say what would go'))
    .addOption(option('--force', 'also if tags that are not named go with it, or an index loses a part'))
    .addOption(option('-o, --output <form>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', '\nExample:\n  stowage mirror rm docker.io/library/nginx:1.27 --data ./registry --dry-run')
    .action((references: readonly MirrorReference[], flags: RmFlags) => runRm(context, references, flags))
}

/** @throws Fault invalid */
function parseExact(text: string): MirrorReference {
  const reference = parseMirrorReference(text)
  if (reference.tag !== undefined || reference.digest !== undefined) return reference
  throw new Fault('invalid', `"${text}" names no image: add :TAG or @DIGEST`)
}

async function runRm(context: CommandContext, references: readonly MirrorReference[], flags: RmFlags): Promise<void> {
  const { signal, stdout } = context
  const { force: isForced = false, dryRun: isDryRun = false, output } = flags
  await using opened = await openImages(context, flags)
  const removals = await removeImages(opened.images, { references, isForced, isDryRun, signal })
  if (output === 'json') return void stdout.write(`${JSON.stringify({ isDryRun, removals }, null, 2)}\n`)
  const verb = isDryRun ? 'would remove' : 'removed'
  for (const removal of removals) stdout.write(`${verb} ${describe(removal)}\n`)
  stdout.write('Bytes that nothing else keeps become free days later: see stowage mirror gc --help\n')
}

function describe(removal: Removal): string {
  const { repository, digest, speaking } = removal
  const left =
    speaking.length > 0
      ? `; ${speaking.join(', ')} of it stay until they are removed, too, unless they came with it`
      : ''
  if (removal.kind === 'tag') {
    const { tag, isLast } = removal
    return `${repository}:${tag}${isLast ? `, the last tag of ${digest}` : `, and ${digest} stays: it has other tags`}${left}`
  }
  const { tags, indexes } = removal
  const along = tags.length > 0 ? ` with its tags ${tags.join(', ')}` : ''
  return `${repository}@${digest}${along}${indexes.length > 0 ? `, which ${indexes.join(', ')} names` : ''}${left}`
}
