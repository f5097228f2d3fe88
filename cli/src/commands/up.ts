import { openDirectorySource } from '@stowage/controller/sources/directory/directory-source'
import { Command } from 'commander'
import { withCentreOptions, type CentreFlags } from '../centre-options.ts'
import type { CommandContext } from '../command-context.ts'
import { dataHelp, withS3Options } from '../data-store.ts'
import { option } from '../option.ts'
import { runCentre } from '../run-centre.ts'

interface UpFlags extends CentreFlags {
  readonly caches: string
}

/** `stowage up`: the centre, controller and mirror in one process. */
export function upCommand(context: CommandContext): Command {
  const command = new Command('up')
    .description('Run a centre: it keeps a mirror of all wanted images and tells each node what it should have.')
    .addOption(
      option(
        '--caches <directory>',
        'YAML files with ImageCaches, their pull secrets and EdgeNodes; a change acts at once',
      ).makeOptionMandatory(),
    )
  command.addOption(option('--data <directory>', `where mirror and memory lie; ${dataHelp}`).makeOptionMandatory())
  return withCentreOptions(withS3Options(command))
    .addHelpText('after', example)
    .action((flags: UpFlags) =>
      runCentre(context, flags, {
        openSource: async ({ objects, log }) => ({
          source: await openDirectorySource({ directory: flags.caches, objects, log }),
        }),
      }),
    )
}

const example = `
Example: mkdir caches; save this as caches/shop.yaml; stowage up --caches caches --data data
  apiVersion: kubefledged.io/v1alpha2
  kind: ImageCache
  metadata: { name: shop }
  spec:
    cacheSpec:
    - images: [docker.io/library/nginx:1.23.1]
Registries on loopback are spoken to in plain HTTP. HTTPS_PROXY and NO_PROXY are honoured.`
