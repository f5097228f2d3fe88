import type { Exit, Spawned } from './spawned.ts'

/** A program that may be killed and comes back on what it left. */
export interface Restartable extends AsyncDisposable {
  /** The process of the moment, or the last one. */
  program(): Spawned
  isRunning(): boolean
  /** Starts it again; resolves when it is as far as at its first start. */
  start(): Promise<void>
  /** SIGKILL, unless another signal is named. */
  kill(signal?: NodeJS.Signals): Promise<Exit>
  /** SIGTERM, then SIGKILL if that does not end it in 5 s. */
  stop(): Promise<Exit>
}

/** @param ready resolves when a process is worth talking to */
export async function startRestartable(
  begin: () => Spawned,
  ready: (program: Spawned) => Promise<unknown>,
): Promise<Restartable> {
  let program: Spawned
  async function start(): Promise<void> {
    program = begin()
    try {
      await ready(program)
    } catch (error) {
      await program.stop()
      throw error
    }
  }
  await start()
  return {
    start,
    program: () => program,
    isRunning: () => program.isRunning(),
    kill: (signal) => program.kill(signal),
    stop: () => program.stop(),
    [Symbol.asyncDispose]: async () => void (await program.stop()),
  }
}
