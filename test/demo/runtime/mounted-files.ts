import path from 'node:path'
import { execa } from 'execa'
import type { Containerd } from '../../harness/containerd/start-containerd.ts'
import { projectDirectory } from '../../harness/project-directory.ts'
import type { UnpackedFiles } from './unpacked-files.ts'

export interface MountedFilesOptions {
  /** Name of the uppermost snapshot. */
  readonly snapshot: string
  /** An empty directory; other looks have others. */
  readonly target: string
  readonly signal: AbortSignal
}

// Its arguments: ctr, snapshot, target, where snapshots lie, and what reads the target. Paths are made relative, as those of
// many layers are longer than the kernel reads. The view may be collected at any time: what it shows is held by the image.
const script = `
ctr=$1 snapshot=$2 target=$3 directory=$4; shift 4
cd "$directory" || exit
mount=$("$ctr" snapshots view --target "$target" "$target" "$snapshot" | sed "s|$directory/||g")
[ -n "$mount" ] && sh -c "$mount" && "$@" "$target"
code=$?
"$ctr" snapshots remove "$target" >&2
exit $code`

/**
 * What a container with these snapshots would see: they are mounted one above the other as containerd says, and every file is
 * read. The mount is in a namespace of its own, which goes with the process however it ends.
 */
export async function mountedFiles(
  { files, programs }: Pick<Containerd, 'files' | 'programs'>,
  { snapshot, target, signal }: MountedFilesOptions,
): Promise<UnpackedFiles> {
  const ctr = path.join(programs.directory, 'ctr')
  const directory = path.join(files.root, 'io.containerd.snapshotter.v1.overlayfs/snapshots')
  const print = [process.execPath, '--conditions=source', path.join(projectDirectory, 'test/demo/print-files.ts')]
  const mounting = ['sh', '-c', script, 'sh', ctr, snapshot, target, directory]
  const { stdout } = await execa('unshare', ['--mount', ...mounting, ...print], {
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
