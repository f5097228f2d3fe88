import path from 'node:path'
import { execa } from 'execa'
import { projectDirectory } from './project-directory.ts'
import { spawnProgram, type Exit, type SpawnOptions, type Spawned } from './spawned.ts'

/** How `stowage` is run from its sources: on the Node that runs this, as one process. */
export function stowageCommand(args: readonly string[]): { command: string; args: string[] } {
  const main = path.join(projectDirectory, 'cli/src/main.ts')
  return { command: process.execPath, args: ['--conditions=source', main, ...args] }
}

export interface SpawnStowageOptions extends SpawnOptions {
  /** What it is started by, such as that of a network namespace; it must become the program, not run it. */
  readonly launcher?: readonly string[]
}

/** Starts `stowage`; the process is the program itself, so a signal reaches it and nothing else. */
export function spawnStowage(
  args: readonly string[],
  { launcher = [], ...options }: SpawnStowageOptions = {},
): Spawned {
  const [command, all] = launched(launcher, args)
  return spawnProgram(command, all, { name: `stowage ${args[0] ?? ''}`, ...options })
}

function launched(launcher: readonly string[], args: readonly string[]): [command: string, args: string[]] {
  const stowage = stowageCommand(args)
  const [command = '', ...all] = [...launcher, stowage.command, ...stowage.args]
  return [command, all]
}

/** What a `stowage` that ended said. */
export interface Ran extends Exit {
  readonly stdout: string
  readonly stderr: string
}

/** Runs `stowage` to its end, whatever that is; killed after a minute. */
export async function runStowage(
  args: readonly string[],
  { cwd, env = {}, launcher = [] }: Pick<SpawnStowageOptions, 'cwd' | 'env' | 'launcher'> = {},
): Promise<Ran> {
  const [command, all] = launched(launcher, args)
  const where = cwd === undefined ? {} : { cwd }
  const ended = await execa(command, all, { ...where, env, reject: false, timeout: 60_000, stdin: 'ignore' })
  const signal = ended.signal ?? null
  return { code: ended.exitCode ?? null, signal, stdout: ended.stdout, stderr: ended.stderr }
}
