import { findProcesses, killProcesses } from '../containerd/find-processes.ts'
import { sweepContainerd } from '../containerd/sweep-containerd.ts'
import { unmountBelow } from '../containerd/unmount-below.ts'
import { clusterCommands } from './cluster-commands.ts'
import { clusterFiles } from './cluster-files.ts'
import { cgroupOf, removeCgroup } from './own-cgroup.ts'

/**
 * Takes away all that runs and is mounted for the cluster whose files are in a directory, however it ended, and its
 * cgroup. Files stay, and so does its network.
 */
export async function sweepCluster(directory: string): Promise<void> {
  await killProcesses(await clusterProcesses(directory))
  await sweepContainerd(clusterFiles(directory).containerd)
  await unmountBelow(directory)
  await removeCgroup(cgroupOf(directory))
}

/** What runs of a cluster, its node's containerd aside. */
export async function clusterProcesses(directory: string): Promise<number[]> {
  const commands = clusterCommands(clusterFiles(directory))
  return (await Promise.all(commands.map(({ program, args }) => findProcesses(program, ...args)))).flat()
}
