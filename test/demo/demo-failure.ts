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

/** The causes of an error, one below the other; the trace of what is a bug. */
export function causesOf(error: unknown): string[] {
  if (!(error instanceof Error) || error.cause === undefined) return []
  const { cause } = error
  return [cause instanceof Error ? (cause.stack ?? cause.message) : `${JSON.stringify(cause)}`, ...causesOf(cause)]
}
