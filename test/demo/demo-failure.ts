import { inspect } from 'node:util'
import { isFault } from '@stowage/mirror/oci/fault'

/** Why the demo ends early, in words for whoever started it. */
export class DemoFailure extends Error {
  /** The program that it is about, by the name of its log. */
  readonly program: string | undefined

  constructor(message: string, { program, cause }: { program?: string | undefined; cause?: unknown } = {}) {
    super(message, cause === undefined ? {} : { cause })
    this.program = program
  }
}

/** Somebody pressed Ctrl-C, or sent SIGTERM. */
export class Interrupted extends Error {}

/** What is behind an error, the nearest first: what was expected to happen in words, bugs with their traces. */
export function causesOf(error: unknown): string[] {
  if (!(error instanceof Error) || error.cause === undefined) return []
  const { cause } = error
  const isExpected = isFault(cause) || cause instanceof DemoFailure
  return [isExpected ? cause.message : inspect(cause), ...(isExpected ? causesOf(cause) : [])]
}
