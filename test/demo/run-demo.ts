import { formatDuration } from 'stowage/print/format'
import { causesOf, DemoFailure, Interrupted } from './demo-failure.ts'
import { play, type Played, type PlayOptions } from './play.ts'
import { resultTable } from './result-table.ts'
import type { Screen } from './screen.ts'
import { openStage } from './stage.ts'
import { startSweeper, type Sweeper } from './sweeper.ts'
import { openWorkDirectory, type WorkDirectory } from './work-directory.ts'

export interface RunDemoOptions extends Omit<PlayOptions, 'stage'> {
  readonly screen: Screen
  /** Fires when the demo shall end now. */
  readonly signal: AbortSignal
}

const neededBytes = { made: 2_000_000_000, named: 3_000_000_000 } as const
const shownLines = 15

/**
 * Plays the demo and leaves nothing of it: no process, no file. Only after a failure the logs stay.
 * @throws DemoFailure, complete with the last words of the program that it is about; Interrupted
 */
export async function runDemo(options: RunDemoOptions): Promise<void> {
  const { screen, elapsedMs } = options
  const directory = await openWorkDirectory({ neededBytes: neededBytes[options.options.kind] })
  const sweeper = startSweeper(directory.path)
  try {
    const { results, runtimes } = await onStage(directory, sweeper, options)
    await directory.remove()
    const took = formatDuration(elapsedMs())
    screen.say(`every image is on every node that should have it, and nothing else, in ${runtimes}; all in ${took}`)
    screen.print(`\n${resultTable(results)}`)
  } catch (error) {
    if (!(error instanceof Interrupted)) throw await withLastWords(error, directory)
    await directory.remove()
    throw error
  } finally {
    await sweeper.dismiss()
  }
}

/** When this returns or throws, no program of the demo runs any more. */
async function onStage(
  directory: WorkDirectory,
  sweeper: Sweeper,
  { screen, signal, options, elapsedMs }: RunDemoOptions,
): Promise<Played> {
  await using stage = openStage({ directory, screen, sweeper, signal })
  return await play({ stage, options, elapsedMs })
}

async function withLastWords(error: unknown, directory: WorkDirectory): Promise<DemoFailure> {
  const { message, program } =
    error instanceof DemoFailure ? error : new DemoFailure(error instanceof Error ? error.message : String(error))
  const lines = program === undefined ? [] : await directory.lastLines(program, shownLines)
  const words = lines.length === 0 ? [] : [`The last lines of ${program}:`, ...lines.map((line) => `  ${line}`)]
  const kept = (await directory.keepOnlyLogs()) ? [`The logs of all programs are kept in ${directory.logs}`] : []
  const causes = causesOf(error).map((cause) => `because: ${cause}`)
  return new DemoFailure([`The demo failed: ${message}`, ...causes, ...words, ...kept].join('\n'))
}
