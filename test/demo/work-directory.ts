import { mkdir, mkdtemp, readFile, readdir, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { formatBytes } from 'stowage/print/format'
import { DemoFailure } from './demo-failure.ts'

/** Where everything of one run lies. */
export interface WorkDirectory {
  readonly path: string
  /** One file for each program. */
  readonly logs: string
  logOf(program: string): string
  /** The end of a program's log; empty if it said nothing. */
  lastLines(program: string, count: number): Promise<string[]>
  remove(): Promise<void>
  /** Removes everything but the logs; false if there are none, and so nothing is left. */
  keepOnlyLogs(): Promise<boolean>
}

/**
 * Makes a directory of its own in the temporary directory of the system.
 * @throws DemoFailure if there is not enough room for `neededBytes`
 */
export async function openWorkDirectory({ neededBytes }: { neededBytes: number }): Promise<WorkDirectory> {
  await checkRoom(tmpdir(), neededBytes)
  const directory = await mkdtemp(path.join(tmpdir(), 'stowage-demo-'))
  const logs = path.join(directory, 'logs')
  await mkdir(logs)
  const logOf = (program: string): string => path.join(logs, `${program}.log`)
  return {
    path: directory,
    logs,
    logOf,
    async lastLines(program, count) {
      const text = await readFile(logOf(program), 'utf8').catch(() => '') // It may have ended before it said anything.
      return text.trimEnd().split('\n').filter(Boolean).slice(-count)
    },
    remove: () => removeTree(directory),
    async keepOnlyLogs() {
      if ((await readdir(logs)).length === 0) {
        await removeTree(directory)
        return false
      }
      const others = (await readdir(directory)).filter((name) => name !== path.basename(logs))
      await Promise.all(others.map((name) => removeTree(path.join(directory, name))))
      return true
    },
  }
}

async function checkRoom(directory: string, neededBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory)
  const free = bavail * bsize
  if (free >= neededBytes) return
  throw new DemoFailure(
    `${directory} has ${formatBytes(free)} free, and the demo needs ${formatBytes(neededBytes)}: set TMPDIR to a directory with more room`,
  )
}

function removeTree(directory: string): Promise<void> {
  return rm(directory, { recursive: true, force: true, maxRetries: 5 })
}
