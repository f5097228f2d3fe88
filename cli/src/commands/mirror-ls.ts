import { listImages } from '@stowage/mirror/images/list-images'
import { Command } from 'commander'
import PQueue from 'p-queue'
import type { CommandContext } from '../command-context.ts'
import { openImages, withImagePlaceOptions, type ImagePlaceFlags } from '../open-image-place.ts'
import { option } from '../option.ts'
import { listedImageColumns } from '../print/image-columns.ts'
import { formatTable } from '../print/table.ts'

interface LsFlags extends ImagePlaceFlags {
  readonly output: 'table' | 'wide' | 'json'
  readonly untagged?: boolean
}

/** `stowage mirror ls`: what images there are, and how much of each. */
export function mirrorLsCommand(context: CommandContext): Command {
  const command = new Command('ls')
    .description('List images: repositories, tags, platforms, size, and whether all of each is there.')
    .argument('[repository]', 'only this one')
  return withImagePlaceOptions(command)
    .addOption(option('--untagged', 'also manifests that no tag leads to: with --data or --mirror-token-file'))
    .addOption(
      option('-o, --output <form>', 'table, wide (more columns) or json')
        .choices(['table', 'wide', 'json'])
        .default('table'),
    )
    .addHelpText(
      'after',
      '\nExamples:\n  stowage mirror ls --data ./registry\n  stowage mirror ls docker.io/library/nginx --mirror http://127.0.0.1:5080 -o wide',
    )
    .action((repository: string | undefined, flags: LsFlags) => runLs(context, repository, flags))
}

async function runLs(context: CommandContext, repository: string | undefined, flags: LsFlags): Promise<void> {
  const { signal, stdout, stderr } = context
  await using opened = await openImages(context, flags)
  const queue = new PQueue({ concurrency: 8 })
  const { output, untagged } = flags
  const items = await Array.fromAsync(listImages(opened.images, { repository, untagged, queue, signal }))
  if (items.length === 0) stderr.write(`there are no images${repository === undefined ? '' : ` in ${repository}`}\n`)
  stdout.write(
    output === 'json' ? `${JSON.stringify({ items }, null, 2)}\n` : formatTable(listedImageColumns(output), items),
  )
}
