import path from 'node:path'
import { execa } from 'execa'
import type { Containerd } from '../../harness/containerd/start-containerd.ts'
import { projectDirectory } from '../../harness/project-directory.ts'
import type { UnpackedFiles } from './unpacked-files.ts'

export interface MountedFilesOptions {
  /** A name in the namespace of CRI. */
  readonly image: string
  /** An empty directory; other images have others. */
  readonly target: string
  readonly signal: AbortSignal
}

// Its arguments: ctr, image, target, and what reads the target.
const script = `
ctr=$1 image=$2 target=$3; shift 3
"$ctr" images mount "$image" "$target" >&2 && "$@" "$target"
code=$?
"$ctr" images unmount --rm "$target" >&2
exit $code`

/**
 * What a container of an image would see: its snapshots, mounted one above the other by `ctr` as containerd tells it, and every
 * file read. The mount is in a namespace of its own, which goes with the process however it ends.
 */
export async function mountedFiles(
  { files, programs }: Pick<Containerd, 'files' | 'programs'>,
  { image, target, signal }: MountedFilesOptions,
): Promise<UnpackedFiles> {
  const ctr = path.join(programs.directory, 'ctr')
  const print = [process.execPath, '--conditions=source', path.join(projectDirectory, 'test/demo/print-files.ts')]
  const { stdout } = await execa('unshare', ['--mount', 'sh', '-c', script, 'sh', ctr, image, target, ...print], {
    env: { CONTAINERD_ADDRESS: files.socket, CONTAINERD_NAMESPACE: 'k8s.io' },
    cancelSignal: signal,
  })
  return new Map(
    stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as [string, string]),
  )
}
