import { open, readFile } from 'node:fs/promises'
import type { FlatEntry } from './expand-entries.ts'
import { seededBytes } from './seeded-bytes.ts'
import { writeTar, type TarWriter } from './write-tar.ts'

const smallFile = 1024 * 1024

/** The tar of these entries: no owner, no times, nothing of the machine it was made on; streamed. */
export function tarOf(entries: readonly FlatEntry[]): AsyncGenerator<Uint8Array> {
  return writeTar(async (tar) => {
    for (const entry of entries) await add(tar, entry)
  })
}

async function add(tar: TarWriter, entry: FlatEntry): Promise<void> {
  const header = { name: entry.path, mode: entry.mode, mtime: new Date(0), uid: 0, gid: 0 }
  switch (entry.kind) {
    case 'directory':
      return tar.add({ ...header, name: `${entry.path}/`, type: 'directory' })
    case 'link':
      return tar.add({ ...header, type: 'symlink', linkname: entry.linkTo })
    case 'content':
      return tar.add(header, entry.content)
    case 'random':
      return tar.add({ ...header, size: entry.random.size }, seededBytes(entry.random))
    case 'file':
      // A small file is read at once, so that one that is being edited gives a tar that is valid all the same.
      if (entry.size <= smallFile) return tar.add(header, await readFile(entry.file))
      return tar.add({ ...header, size: entry.size }, bytesOf(entry.file))
  }
}

async function* bytesOf(file: string): AsyncGenerator<Uint8Array> {
  await using handle = await open(file)
  for (;;) {
    const { bytesRead, buffer } = await handle.read({ buffer: Buffer.allocUnsafe(256 * 1024) })
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
  }
}
