import { readFile } from 'node:fs/promises'
import { execa } from 'execa'

/** How servers and those who load them are kept from taking each other's core; without that they share all. */
export interface Cores {
  /** Put before the command of a server. */
  readonly server: readonly string[]
  /** Put before the command that loads it. */
  readonly load: readonly string[]
  readonly arePinned: boolean
}

/** Gives servers the first core that we may use and loads the last; nothing is pinned with one core or without taskset. */
export async function findCores(): Promise<Cores> {
  const status = await readFile('/proc/self/status', 'utf8')
  const [, list = ''] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status) ?? []
  const cores = list.match(/\d+/g) ?? []
  const [server, load] = [cores.at(0), cores.at(-1)]
  if (server === undefined || load === undefined || server === load || !(await hasTaskset())) {
    return { server: [], load: [], arePinned: false }
  }
  return { server: ['taskset', '-c', server], load: ['taskset', '-c', load], arePinned: true }
}

async function hasTaskset(): Promise<boolean> {
  return !(await execa('taskset', ['--version'], { reject: false })).failed
}
