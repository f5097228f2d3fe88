import type { Logger } from 'pino'
import type { LogOptions } from './logger.ts'

/** What the process lends to its commands; made in `main.ts` only. */
export interface CommandContext {
  readonly version: string
  /** Aborted by SIGINT and SIGTERM. */
  readonly signal: AbortSignal
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdout: NodeJS.WriteStream
  readonly stderr: NodeJS.WriteStream
  /** Makes the logger with the options given on the command line; on stdout unless that is for a result. */
  log(to?: LogOptions['to']): Promise<Logger>
}

/** Options before the subcommand. */
export interface GlobalOptions {
  readonly logLevel: LogOptions['level']
  readonly logFormat: LogOptions['format']
}
