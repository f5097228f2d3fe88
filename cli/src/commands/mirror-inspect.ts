import { inspectImage } from '@stowage/mirror/images/inspect-image'
import { parseMirrorReference, type MirrorReference } from '@stowage/mirror/images/mirror-reference'
import { Command } from 'commander'
import PQueue from 'p-queue'
import type { CommandContext } from '../command-context.ts'
import { openImages, withImagePlaceOptions, type ImagePlaceFlags } from '../open-image-place.ts'
import { option, parsedBy } from '../option.ts'
import { formatImageReport } from '../print/image-tree.ts'

interface InspectFlags extends ImagePlaceFlags {
  readonly output: 'text' | 'json'
}

/** `stowage mirror inspect`: all that belongs to an image, and what of it is there. */
export function mirrorInspectCommand(context: CommandContext): Command {
  const command = new Command('inspect')
    .description('Show an image: platforms, layers, attestations, signatures, what is missing, and which tags keep it.')
    .argument(
      '<reference>',
      'REPOSITORY:TAG or REPOSITORY@DIGEST, as the mirror has it',
      parsedBy(parseMirrorReference),
    )
  return withImagePlaceOptions(command)
    .addOption(option('-o, --output <form>', 'text or json').choices(['text', 'json']).default('text'))
    .addHelpText('after', '\nExample:\n  stowage mirror inspect docker.io/library/nginx:1.29 --data ./registry')
    .action((reference: MirrorReference, flags: InspectFlags) => runInspect(context, reference, flags))
}

async function runInspect(context: CommandContext, reference: MirrorReference, flags: InspectFlags): Promise<void> {
  const { signal, stdout } = context
  await using opened = await openImages(context, flags)
  const report = await inspectImage(opened.images, { reference, queue: new PQueue({ concurrency: 8 }), signal })
  stdout.write(flags.output === 'json' ? `${JSON.stringify(report, null, 2)}\n` : formatImageReport(report))
}
