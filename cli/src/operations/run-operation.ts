import { askMirror } from '@stowage/mirror/operations/ask-mirror'
import type { Operation, OperationContext, RunOperation } from '@stowage/mirror/operations/operation'
import { Fault } from '@stowage/mirror/oci/fault'
import type { Logger } from 'pino'
import type { CommandContext } from '../command-context.ts'
import type { DataStore } from '../data-store.ts'
import { mirrorPlaceOf, openMirrorData, type MirrorPlaceFlags } from '../mirror-place.ts'
import { readNetworkSettings } from '../network-settings.ts'
import { createStatusLine } from '../print/status-line.ts'
import { openTokenFile } from '../token-file.ts'

/** An operation as the command line knows it. */
export interface OperationCommand<Options, Progress, Result> {
  readonly operation: Operation<Options, Progress, Result>
  /** Carries it out on data that this process has opened. */
  readonly onData: (data: DataStore, log: Logger) => RunOperation<Options, Progress, Result>
  /** How far it is, for people. */
  readonly lineOf: (progress: Progress) => string
}

/**
 * Carries an operation out where the flags say: on data that no mirror serves, or at a mirror that runs.
 * @throws Fault invalid (flags that do not go together), and what the operation throws
 */
export async function runOperation<Options, Progress, Result>(
  context: CommandContext,
  { operation, onData, lineOf }: OperationCommand<Options, Progress, Result>,
  { flags, options }: { readonly flags: MirrorPlaceFlags; readonly options: Options },
): Promise<Result> {
  const { signal, stderr } = context
  const place = mirrorPlaceOf(flags)
  const log = await context.log('stderr')
  const line = createStatusLine({ out: stderr, now: () => performance.now() })
  const telling: OperationContext<Progress> = {
    signal,
    onProgress: (progress) => line.show(() => `${operation.verb}: ${lineOf(progress)}`),
  }
  try {
    if (place.kind === 'mirror') {
      const { ca, userAgent } = await readNetworkSettings(context, place.caFile)
      const network = { url: place.url, token: await tokenIn(place.tokenFile, log), ca, userAgent }
      return await askMirror(operation, options, { ...telling, ...network })
    }
    await using data = await openMirrorData(place.flags)
    return await onData(data, log)(options, telling)
  } finally {
    line.end()
  }
}

async function tokenIn(path: string | undefined, log: Logger): Promise<string> {
  if (path === undefined) {
    throw new Fault(
      'invalid',
      '--mirror needs --mirror-token-file FILE: a token of the --operator-token-file (or --objects-token-file) that the mirror was started with',
    )
  }
  const [token = ''] = await (await openTokenFile({ flag: '--mirror-token-file', path, log })).tokens()
  return token
}
