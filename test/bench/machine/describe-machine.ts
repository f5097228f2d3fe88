import { readFile } from 'node:fs/promises'
import { availableParallelism, cpus, release, totalmem } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import { toolDirectory } from '../../tools/tool-directory.ts'

/** Where a run was made, as far as it matters to who reads the figures. */
export interface MachineFacts {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly kernel: string
  /** Of the directory that the run took place in. */
  readonly fileSystem: string
  /** Versions by program; those that are not installed are left out. */
  readonly programs: Readonly<Record<string, string>>
}

/** Asks the machine and the programs that take part. */
export async function describeMachine(directory: string): Promise<MachineFacts> {
  const os = await readFile('/etc/os-release', 'utf8').catch(() => '') // Not every system has it.
  const { stdout: fileSystem } = await execa('findmnt', ['--noheadings', '--output=FSTYPE', '--target', directory])
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(os)?.[1] ?? process.platform,
    kernel: release(),
    fileSystem,
    programs: { node: process.versions.node, ...(await versions()) },
  }
}

const asked: readonly (readonly [name: string, flag: string, program?: string])[] = [
  ['containerd', '--version'],
  ['containerd-2', '--version', path.join(toolDirectory('containerd-2'), 'containerd')],
  ['docker-registry', '--version'],
  ['skopeo', '--version'],
  ['nginx', '-v'],
  ['wrk', '-v'],
]

async function versions(): Promise<Record<string, string>> {
  const found = await Promise.all(
    asked.map(async ([name, flag, program = name]) => {
      const env = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
      const { all } = await execa(program, [flag], { all: true, reject: false, env })
      return [name, /\d+\.\d+[\w.+-]*/.exec(all)?.[0]] as const
    }),
  )
  return Object.fromEntries(found.flatMap(([program, version]) => (version === undefined ? [] : [[program, version]])))
}
