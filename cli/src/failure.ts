import { CommanderError } from 'commander'
import { isFault } from '@stowage/mirror/oci/fault'

/** How a command ended before its work was done. */
export interface Ending {
  /** By SIGINT or SIGTERM. */
  readonly interrupted: boolean
}

/** What is written to stderr: one sentence for an expected failure, everything there is for a bug. */
export function explain(error: unknown, { interrupted }: Ending): string {
  if (isFault(error)) return `stowage: ${error.message}\n`
  if (interrupted) return 'stowage: interrupted\n'
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return `stowage: this is a bug in Stowage, please report it:\n${trace}\n`
}

/** What is said to a failure to write the output, and what the program ends with. */
export interface UnwrittenOutput {
  readonly said: string
  readonly exitCode: number
}

/** Whoever reads no more (`| head`) has seen enough: silence, and what a shell says of a program that SIGPIPE ended. */
export function unwrittenOutput({ code, message }: NodeJS.ErrnoException): UnwrittenOutput {
  if (code === 'EPIPE') return { said: '', exitCode: 141 }
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? `the disk is full (${code})` : message
  return { said: `stowage: the output cannot be written: ${why}\n`, exitCode: 1 }
}

/** 0 help and version, 2 wrong flags or other bad input, 130 interrupted, 70 a bug (sysexits EX_SOFTWARE), 1 the rest. */
export function exitCodeOf(error: unknown, { interrupted }: Ending): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (isFault(error)) return error.code === 'invalid' ? 2 : 1
  return interrupted ? 130 : 70
}
