import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rmdir } from 'node:fs/promises'
import path from 'node:path'

const mountPoint = '/sys/fs/cgroup'

/** The name of a cgroup of the machine's that belongs to a directory alone: two kubelets in one would end each other's pods. */
export function cgroupOf(directory: string): string {
  return `/stowage-test-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`
}

/** Makes it in each hierarchy. */
export async function makeCgroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await mkdir(path.join(hierarchy, name), { recursive: true })
}

/** Removes it with all below it. @throws Error EBUSY if a process is in it */
export async function removeCgroup(name: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await removeTree(path.join(hierarchy, name))
}

/** Directories in which cgroups are made: one for all controllers (version 2), or one for each (version 1). */
async function hierarchies(): Promise<string[]> {
  const isHierarchy = (directory: string): boolean => existsSync(path.join(directory, 'cgroup.procs'))
  if (isHierarchy(mountPoint)) return [mountPoint]
  return (await readdir(mountPoint)).map((name) => path.join(mountPoint, name)).filter(isHierarchy)
}

/** The files in a cgroup are not removed, but go with it. */
async function removeTree(directory: string): Promise<void> {
  if (!existsSync(directory)) return
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeTree(path.join(directory, entry.name))
  }
  await rmdir(directory)
}
