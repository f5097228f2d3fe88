import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { isProcessAlive } from '../harness/is-process-alive.ts'

/**
 * Makes a directory unless it is there. It gets its name when `make` has filled it, so what is there is whole; of two
 * processes that make it at the same time the first one wins.
 */
export async function makeOnce(directory: string, make: (directory: string) => Promise<void>): Promise<void> {
  if (existsSync(directory)) return
  await mkdir(path.dirname(directory), { recursive: true })
  await sweepUnfinished(path.dirname(directory))
  const unfinished = `${directory}.of-${process.pid}`
  try {
    await mkdir(unfinished)
    await make(unfinished)
    await rename(unfinished, directory)
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    if (!existsSync(directory)) throw error
  }
}

/** Those of processes that were killed. */
async function sweepUnfinished(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const [, pid] = /\.of-(\d+)$/.exec(name) ?? []
    if (pid !== undefined && !isProcessAlive(Number(pid))) {
      await rm(path.join(directory, name), { recursive: true, force: true })
    }
  }
}
