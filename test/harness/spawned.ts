import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { createLineRing } from './line-ring.ts'

export interface SpawnOptions {
  /** What messages call it. Default: the command. */
  readonly name?: string
  readonly cwd?: string
  /** Added to the environment of this process; an undefined value takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Gets all output, appended as it comes; a restarted program may go on in the same file. */
  readonly outputFile?: string
}

export interface Exit {
  /** null when a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface WaitForLineOptions {
  readonly withinMs?: number
  /** Only lines that came after so many others count; see `lineCount`. */
  readonly after?: number
}

/** A running child process whose output is kept, the last 2000 lines of stdout and stderr together. */
export interface Spawned extends AsyncDisposable {
  readonly name: string
  readonly pid: number
  /** Never rejects. A program that could not be started ends with code 127. */
  readonly exited: Promise<Exit>
  isRunning(): boolean
  lines(): readonly string[]
  /** How many lines there were so far. */
  lineCount(): number
  /**
   * The first line that matches, also among those that were there already.
   * @throws Error with the last lines, when the time (default 30 s) or the program is over
   */
  waitForLine(pattern: RegExp, options?: WaitForLineOptions): Promise<RegExpExecArray>
  /** Sends a signal (default SIGKILL) and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<Exit>
  /** SIGTERM, then SIGKILL if that does not end it in 5 s. */
  stop(): Promise<Exit>
  writeLine(line: string): void
}

const keptLines = 2000
const patienceMs = 5000

/**
 * Starts a program as a child process; it is killed when this process exits. Better through `createPrograms`, which
 * stops it before that.
 */
export function spawnProgram(command: string, args: readonly string[], options: SpawnOptions = {}): Spawned {
  const { name = command, cwd, env = {}, outputFile } = options
  const child = spawn(command, args, { env: { ...process.env, ...env }, ...(cwd === undefined ? {} : { cwd }) })
  child.stdin.on('error', () => undefined) // The program may end before it reads; its exit tells.
  const output = createLineRing({ capacity: keptLines })
  const say = (line: string): void => {
    if (outputFile !== undefined) appendFileSync(outputFile, `${line}\n`)
    output.add(line)
  }
  let exit: Exit | undefined
  const exited = endOf(child, say).then((end) => {
    exit = end
    output.end()
    return end
  })
  killOnExit(child, exited)

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Exit> {
    if (!exit) child.kill(signal)
    return exited
  }
  async function stop(): Promise<Exit> {
    const impatience = setTimeout(() => void kill(), patienceMs)
    return kill('SIGTERM').finally(() => clearTimeout(impatience))
  }
  return {
    name,
    pid: child.pid ?? -1,
    exited,
    isRunning: () => exit === undefined,
    lines: () => output.lines(),
    lineCount: () => output.count(),
    waitForLine: (pattern, waiting) => output.waitFor(name, pattern, waiting),
    kill,
    stop,
    writeLine: (line) => void child.stdin.write(`${line}\n`),
    [Symbol.asyncDispose]: async () => void (await stop()),
  }
}

async function endOf(child: ChildProcessWithoutNullStreams, say: (line: string) => void): Promise<Exit> {
  const drained = [child.stdout, child.stderr].map(async (stream) => {
    for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) say(line)
  })
  try {
    await once(child, 'exit')
  } catch (error) {
    say(String(error))
    return { code: 127, signal: null }
  }
  // A child of the child may hold the pipes open for as long as it likes.
  await Promise.race([Promise.all(drained), delay(1000, undefined, { ref: false })])
  return { code: child.exitCode, signal: child.signalCode }
}

const running = new Set<ChildProcessWithoutNullStreams>()
process.once('exit', () => running.forEach((child) => void child.kill('SIGKILL')))

function killOnExit(child: ChildProcessWithoutNullStreams, exited: Promise<Exit>): void {
  running.add(child)
  void exited.then(() => running.delete(child))
}
