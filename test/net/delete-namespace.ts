import { readdir } from 'node:fs/promises'
import { execa } from 'execa'
import { eventually } from '../harness/eventually.ts'
import { isProcessAlive } from '../harness/is-process-alive.ts'

/** Deletes a network namespace and, with SIGKILL, all that runs inside. One that is not there is no error. */
export async function deleteNamespace(name: string): Promise<void> {
  const isEmpty = async (): Promise<boolean> => {
    const inside = await processesIn(name)
    for (const pid of inside) killIfThere(pid)
    return inside.length === 0
  }
  await eventually(isEmpty, { what: `the end of all that runs in namespace ${name}`, everyMs: 20 })
  const { exitCode, stderr } = await execa('ip', ['netns', 'delete', name], { reject: false })
  if (exitCode !== 0 && (await namespaces()).includes(name)) throw new Error(`cannot delete ${name}: ${stderr}`)
}

/** Deletes the namespaces of tests whose process is gone. */
export async function sweepNamespaces(): Promise<void> {
  for (const name of await namespaces()) {
    const [, pid] = /^stowage-test-(\d+)-/.exec(name) ?? []
    if (pid !== undefined && !isProcessAlive(Number(pid))) await deleteNamespace(name)
  }
}

async function namespaces(): Promise<string[]> {
  try {
    return await readdir('/run/netns')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function processesIn(name: string): Promise<number[]> {
  const { stdout } = await execa('ip', ['netns', 'pids', name], { reject: false })
  return stdout.split('\n').filter(Boolean).map(Number)
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
