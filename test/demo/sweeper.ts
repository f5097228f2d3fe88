import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { projectDirectory } from '../harness/project-directory.ts'
import type { Spawned } from '../harness/spawned.ts'

/** Cleans up if this process is killed in a way that lets it do nothing itself. */
export interface Sweeper {
  /** To be ended, for as long as it runs. */
  watch(program: Spawned): void
  /** Somebody else takes this directory away if this process is killed; it is waited for. */
  leave(directory: string): void
  /** That is over: the directory is like any other again. */
  take(directory: string): void
  /** Nothing is left to be swept; resolves when the sweeper is gone. */
  dismiss(): Promise<void>
}

/** Starts a process that outlives this one by a moment, to remove `directory` and end the programs that are left. */
export function startSweeper(directory: string): Sweeper {
  const script = path.join(projectDirectory, 'test/demo/sweep.ts')
  // In a session of its own: Ctrl-C in the terminal is not meant for it.
  const child = spawn(process.execPath, [script, directory], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  const gone = once(child, 'exit')
  child.on('error', () => undefined) // Without it the demo is as good, if nobody kills it.
  child.stdin.on('error', () => undefined)
  const tell = (word: string): void => void child.stdin.write(`${word}\n`)
  return {
    watch({ pid, exited }) {
      tell(`started ${pid}`)
      void exited.then(() => tell(`ended ${pid}`))
    },
    leave: (directory) => tell(`left ${directory}`),
    take: (directory) => tell(`taken ${directory}`),
    async dismiss() {
      child.stdin.end('over\n')
      await gone.catch(() => undefined) // It could not be started.
    },
  }
}
