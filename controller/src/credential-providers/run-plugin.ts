import { spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process'

export interface RunPluginOptions {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** All that it is given on its standard input. */
  readonly input: string
  readonly timeoutMs: number
  /** It is killed with all that it started when this aborts. */
  readonly signal: AbortSignal
}

/** How a plugin ended. */
export interface PluginRun {
  readonly stdout: string
  /** The last of what it said. */
  readonly stderr: string
  /** What it did wrong, as the rest of a sentence; undefined if it ended well. */
  readonly trouble: string | undefined
}

const mostOutputBytes = 1024 * 1024
const mostWordsBytes = 8 * 1024

/** Runs a program without a shell, in a process group of its own, for a limited time and with limited output. Never rejects. */
export function runPlugin(file: string, options: RunPluginOptions): Promise<PluginRun> {
  const { args, env, input, timeoutMs, signal } = options
  return new Promise((resolve) => {
    let child: ChildProcessWithoutNullStreams
    try {
      child = spawn(file, [...args], { env: { ...env }, detached: true, stdio: 'pipe' })
    } catch (error) {
      // Some of what keeps a program from starting comes as no event, such as that its file is being written.
      resolve({ stdout: '', stderr: '', trouble: whyNotRun(error as NodeJS.ErrnoException) })
      return
    }
    let trouble: string | undefined
    let outputBytes = 0
    const output: Buffer[] = []
    let words = Buffer.alloc(0)
    const stop = (why: string): void => {
      trouble ??= why
      killGroup(child)
      // Whoever inherited the pipes and left the group must not be waited for.
      child.stdout.destroy()
      child.stderr.destroy()
    }
    const timer = setTimeout(() => stop(`did not answer within ${timeoutMs / 1000} s`), timeoutMs)
    const onAbort = (): void => stop('was stopped, as Stowage ends')
    signal.addEventListener('abort', onAbort, { once: true })
    child.stdout.on('data', (chunk: Buffer) => {
      outputBytes += chunk.length
      if (outputBytes > mostOutputBytes) stop(`printed more than ${mostOutputBytes / 1024} KiB`)
      else output.push(chunk)
    })
    child.stderr.on('data', (chunk: Buffer) => (words = Buffer.concat([words, chunk]).subarray(-mostWordsBytes)))
    // One that does not read its input closes the pipe; its answer counts, not that.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.on('error', (error: NodeJS.ErrnoException) => (trouble ??= whyNotRun(error)))
    child.on('close', (code, killedBy) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      const stdout = Buffer.concat(output).toString()
      resolve({ stdout, stderr: words.toString(), trouble: trouble ?? howItEnded(code, killedBy) })
    })
    if (signal.aborted) onAbort()
  })
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // It ended by itself.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

function whyNotRun({ code = 'unknown error' }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return 'cannot be run: it is not there, or what it names in its first line is not'
  if (code === 'EACCES') return 'cannot be run: it is not executable'
  return `cannot be run (${code})`
}

function howItEnded(code: number | null, killedBy: NodeJS.Signals | null): string | undefined {
  if (killedBy) return `was killed by ${killedBy}`
  return code === 0 ? undefined : `failed with exit code ${code}`
}
