import { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { bundleExportCommand } from './bundle-export.ts'
import { bundleImportCommand } from './bundle-import.ts'

/** `stowage bundle`: a desired set on a disk. */
export function bundleCommand(context: CommandContext): Command {
  return new Command('bundle')
    .description('Carry images to where no link is: one file, which skopeo and ctr read too.')
    .helpCommand(false)
    .addCommand(bundleExportCommand(context))
    .addCommand(bundleImportCommand(context))
}
