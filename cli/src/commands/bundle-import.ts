import { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'

export function bundleImportCommand(_context: CommandContext): Command {
  return new Command('import').description('Not built yet.')
}
