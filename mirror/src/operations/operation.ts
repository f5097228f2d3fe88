import type * as z from 'zod'
import { Fault } from '../oci/fault.ts'

/** Work on a whole store that an operator asks for, in words that both sides of a connection know. */
export interface Operation<Options, Progress, Result> {
  /** Its name on the command line and in paths: small letters. */
  readonly verb: string
  readonly options: z.ZodType<Options>
  readonly progress: z.ZodType<Progress>
  readonly result: z.ZodType<Result>
}

export interface OperationContext<Progress> {
  /** Ends the work: what was done until then is right by itself. */
  readonly signal: AbortSignal
  /** Is told how far it is; who asked from afar may not hear all of it. */
  readonly onProgress: (progress: Progress) => void
}

/** Carries an operation out, over a store at hand. @throws Fault; the reason of the signal */
export type RunOperation<Options, Progress, Result> = (
  options: Options,
  context: OperationContext<Progress>,
) => Promise<Result>

/** An operation with a store to carry it out on, for who does not know what it is about. */
export interface OfferedOperation {
  readonly verb: string
  /** @throws Fault invalid if these are no options of it */
  prepare(options: unknown): (context: OperationContext<unknown>) => Promise<unknown>
}

/** Offers an operation to those who ask for it by its name. */
export function offer<Options, Progress, Result>(
  { verb, options: schema }: Operation<Options, Progress, Result>,
  run: RunOperation<Options, Progress, Result>,
): OfferedOperation {
  return {
    verb,
    prepare(given) {
      const options = schema.safeParse(given)
      if (options.success) return (context) => run(options.data, context)
      const [issue] = options.error.issues
      throw new Fault('invalid', `${verb}: ${[...(issue?.path ?? []), issue?.message].join(': ')}`)
    },
  }
}
