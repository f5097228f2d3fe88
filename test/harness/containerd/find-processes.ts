import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { eventually } from '../eventually.ts'

/** The processes of a program, a file name without its directory, that were started with all these arguments. */
export async function findProcesses(program: string, ...withArguments: string[]): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const commands = await Promise.all(pids.map(commandOf))
  return pids.filter((_, index) => {
    const [name = '', ...args] = commands[index] ?? []
    return path.basename(name) === program && withArguments.every((word) => args.includes(word))
  })
}

/** SIGKILL for each, which is over when they are gone. */
export async function killProcesses(pids: readonly number[]): Promise<void> {
  for (const pid of pids) kill(pid)
  const areGone = async (): Promise<boolean> =>
    (await Promise.all(pids.map(commandOf))).every(({ length }) => length === 0)
  await eventually(areGone, { what: `the end of processes ${pids.join(', ')}` })
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Empty for a process that is gone, or that has ended and waits for its parent to notice. */
async function commandOf(pid: number): Promise<string[]> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0').slice(0, -1)
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}
