import path from 'node:path'
import { execa } from 'execa'
import { toolDirectory } from '../../tools/tool-directory.ts'
import { findCommand } from '../find-command.ts'

/** A containerd that tests know, by the name of its part: `containerd` is the machine's own, 1.6 on Debian 12. */
export type ContainerdRelease = 'containerd' | 'containerd-1.7' | 'containerd-2'

/** All releases, the oldest first. */
export const containerdReleases = ['containerd', 'containerd-1.7', 'containerd-2'] as const

/** Programs of one release that belong together: containerd, its shim, ctr. */
export interface ContainerdPrograms {
  readonly directory: string
  /** Such as 1.6.20. */
  readonly version: string
  /** The first number of the version. */
  readonly major: number
}

/** Finds the programs of a release; a test that calls this needs the part of that name. */
export async function containerdPrograms(release: ContainerdRelease): Promise<ContainerdPrograms> {
  const directory = release === 'containerd' ? path.dirname(findCommand('containerd')!) : toolDirectory(release)
  const { stdout } = await execa(path.join(directory, 'containerd'), ['--version'])
  const [, version, major] = / v?((\d+)\.\d+\.\d+)/.exec(stdout) ?? []
  if (version === undefined) throw new Error(`containerd does not say its version: ${stdout}`)
  return { directory, version, major: Number(major) }
}
