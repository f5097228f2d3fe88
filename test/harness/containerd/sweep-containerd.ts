import { glob, readdir, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { findCommand } from '../find-command.ts'
import { containerdFiles } from './containerd-config.ts'
import { findProcesses, killProcesses } from './find-processes.ts'
import { unmountBelow } from './unmount-below.ts'

/** One container that a shim looks after. */
interface Bundle {
  readonly directory: string
  readonly namespace: string
  readonly id: string
}

/**
 * Takes away all that runs and is mounted for the containerd whose files are in a directory, however it ended: the
 * daemon, its containers and shims, mounts, networks of pods. Files in the directory stay.
 */
export async function sweepContainerd(directory: string): Promise<void> {
  const files = containerdFiles(directory)
  await killProcesses(await findProcesses('containerd', files.config))
  const bundles = await findBundles(files.state)
  for (const { namespace, id } of bundles) {
    // It fails for a container that runc does not know, which is then no container any more.
    await execa(
      findCommand('runc') ?? 'runc',
      ['--root', `/run/containerd/runc/${namespace}`, 'delete', '--force', id],
      { reject: false },
    )
  }
  await killProcesses(await findProcesses('containerd-shim-runc-v2', '-address', files.socket))
  for (const bundle of bundles) await removeTraces(bundle)
  await unmountBelow(directory)
}

async function findBundles(state: string): Promise<Bundle[]> {
  const found: Bundle[] = []
  for await (const directory of glob(path.join(state, 'io.containerd.runtime.v2.task/*/*'))) {
    const [namespace = '', id = ''] = directory.split('/').slice(-2)
    found.push({ directory, namespace, id })
  }
  return found
}

/** What shims and the network of pods keep outside the directory of their containerd, whatever is configured. */
async function removeTraces({ directory, id }: Bundle): Promise<void> {
  for (const note of ['address', 'bootstrap.json']) {
    const text = await readFile(path.join(directory, note), 'utf8').catch(() => '') // Each release writes one of them.
    const [, socket] = /unix:\/\/([^"\s]+)/.exec(text) ?? []
    if (socket !== undefined) await rm(socket, { force: true })
  }
  const networks = '/var/lib/cni/results'
  const notes = (await readdir(networks).catch(() => [])).filter((name) => name.includes(id)) // No plugin was run yet.
  for (const name of notes) await rm(path.join(networks, name), { force: true })
}
