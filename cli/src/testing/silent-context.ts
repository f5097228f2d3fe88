import { pino } from 'pino'
import type { CommandContext } from '../command-context.ts'

/** What a command is given, with no environment and a log that nobody hears. For tests. */
export const silentContext: CommandContext = {
  version: '0',
  signal: new AbortController().signal,
  env: {},
  stdout: process.stdout,
  stderr: process.stderr,
  log: async () => pino({ level: 'silent' }),
}
