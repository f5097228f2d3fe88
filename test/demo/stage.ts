import { createPrograms } from '../harness/programs.ts'
import type { Spawned } from '../harness/spawned.ts'
import { DemoFailure } from './demo-failure.ts'
import type { Screen } from './screen.ts'
import type { Sweeper } from './sweeper.ts'
import type { WorkDirectory } from './work-directory.ts'

/** Where the programs of the demo run, and what ends them all. */
export interface Stage extends AsyncDisposable {
  readonly directory: WorkDirectory
  readonly screen: Screen
  readonly sweeper: Sweeper
  /** Fires when the demo cannot or shall not go on; its reason says why. */
  readonly signal: AbortSignal
  /** Starts `stowage` with a log of its own. If it ends before it was told to, the demo fails. */
  start(name: string, args: readonly string[]): Actor
  /** Ends the demo: something that nobody awaits has failed. */
  fail(error: unknown): void
  /** Takes care of what programs of the stage need: it is closed after they have ended. */
  keep(close: () => Promise<void>): void
  /** Runs `stowage` to its end, for commands that do one thing. */
  run(name: string, args: readonly string[]): Promise<void>
}

/** A program that runs as long as the demo wants it. */
export interface Actor {
  readonly program: Spawned
  /** SIGKILL, as the power going off would. */
  kill(): Promise<void>
}

export interface StageOptions {
  readonly directory: WorkDirectory
  readonly screen: Screen
  readonly sweeper: Sweeper
  /** From outside: Ctrl-C. */
  readonly signal: AbortSignal
}

/** The demo decides about these; what the shell says of them is not for its programs. */
const inherited = new Set(['STOWAGE_CA_FILE', 'STOWAGE_DOCKER_CONFIG', 'STOWAGE_INSECURE_REGISTRY'])

/** Opens the stage; disposing ends all programs on it. */
export function openStage({ directory, screen, sweeper, signal: outside }: StageOptions): Stage {
  const programs = createPrograms()
  const kept = new AsyncDisposableStack()
  const failed = new AbortController()
  let isOver = false
  const signal = AbortSignal.any([outside, failed.signal])
  const env = Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => name.startsWith('STOWAGE_') && !inherited.has(name))
      .map((name) => [name, undefined]),
  )

  function spawn(name: string, args: readonly string[]): Spawned {
    signal.throwIfAborted()
    const program = programs.stowage(['--log-format', 'json', ...args], {
      name,
      env,
      outputFile: directory.logOf(name),
    })
    sweeper.watch(program)
    return program
  }

  return {
    directory,
    screen,
    sweeper,
    signal,
    start(name, args) {
      const program = spawn(name, args)
      let isWanted = true
      void program.exited.then(({ code, signal: killer }) => {
        if (!isWanted || isOver || signal.aborted) return
        failed.abort(new DemoFailure(`${name} ended by itself with ${killer ?? `code ${code}`}`, { program: name }))
      })
      return {
        program,
        async kill() {
          isWanted = false
          await program.kill('SIGKILL')
        },
      }
    },
    fail: (error) => failed.abort(error),
    keep: (close) => kept.defer(close),
    async run(name, args) {
      const { code, signal: killer } = await unlessAborted(spawn(name, args).exited, signal)
      if (code === 0) return
      throw new DemoFailure(`stowage ${args.slice(0, 2).join(' ')} ended with ${killer ?? `code ${code}`}`, {
        program: name,
      })
    },
    async [Symbol.asyncDispose]() {
      isOver = true
      await programs.stopAll()
      await kept.disposeAsync()
    },
  }
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
