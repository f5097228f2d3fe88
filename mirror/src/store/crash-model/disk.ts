import { link, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'

/** A file on a disk; two names with the same object are two names of one file. */
export interface DiskFile {
  readonly bytes: Uint8Array
}

/** What a disk holds, by path. Parents are there when their children are. */
export type Disk = ReadonlyMap<string, DiskFile | 'directory'>

/** Writes the part of a disk below `root` into a real directory, for code that opens files by itself, such as SQLite. */
export async function writeDisk(
  disk: Disk,
  { root, to }: { readonly root: string; readonly to: string },
): Promise<void> {
  const written = new Map<DiskFile, string>()
  for (const [path, entry] of [...disk].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const target = join(to, relative(root, path))
    if (entry === 'directory') {
      await mkdir(target, { recursive: true })
      continue
    }
    await mkdir(dirname(target), { recursive: true })
    const twin = written.get(entry)
    await (twin === undefined ? writeFile(target, entry.bytes) : link(twin, target))
    written.set(entry, twin ?? target)
  }
}
