import { mkdtempDisposable, mkdir } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { parts } from '../../harness/parts.ts'

/** Why a containerd with its files in a directory cannot be used on this machine, or undefined if it can. */
export async function whyNoContainerd(directory: string): Promise<string | undefined> {
  return parts.containerd.missing() ?? (await whyNoOverlay(directory))
}

/** Root of a container may have no right to mount, and some file systems do not bear what overlayfs puts on them. */
async function whyNoOverlay(directory: string): Promise<string | undefined> {
  await using place = await mkdtempDisposable(path.join(directory, 'overlay-'))
  const [lower, upper, work, target] = ['lower', 'upper', 'work', 'target'].map((name) => path.join(place.path, name))
  for (const folder of [lower, upper, work, target]) await mkdir(folder!)
  const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`
  const { failed } = await execa('unshare', ['--mount', 'mount', '-t', 'overlay', '-o', options, 'overlay', target!], {
    reject: false,
  })
  return failed ? 'overlayfs cannot be mounted' : undefined
}
