import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Runs a script when this process is gone, in whatever way, unless it was dismissed. */
export interface Guard {
  /** Resolves when it is gone. */
  dismiss(): Promise<void>
}

/** For what a daemon starts and leaves: nothing of it is a child of this process, so nothing of it ends with this one. */
export function startGuard(script: string, args: readonly string[]): Guard {
  // A shell waits, because it is small. In a session of its own: Ctrl-C in the terminal is not meant for it.
  const command = ['-c', 'read -r word || exec "$@"', 'guard', process.execPath, script, ...args]
  const child = spawn('sh', command, { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
  const gone = once(child, 'exit')
  gone.catch(() => undefined) // Without it the tests are as good, if nobody kills them.
  child.stdin.on('error', () => undefined)
  child.unref()
  return {
    async dismiss() {
      child.ref()
      child.stdin.end('over\n')
      await gone.catch(() => undefined)
    },
  }
}
