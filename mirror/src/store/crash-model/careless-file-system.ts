import { dirname } from 'node:path'
import type { FileSystem, OpenFile } from '../file-system.ts'

// File systems that forget one duty each. The crash model must find every one of them out, or it proves nothing.

/** Never syncs the bytes of a file. */
export function withoutSync(files: FileSystem): FileSystem {
  return { ...files, open: async (path, mode) => ({ ...(await files.open(path, mode)), sync: async () => {} }) }
}

/** Never syncs a directory. */
export function withoutDirectorySync(files: FileSystem): FileSystem {
  return { ...files, syncDirectory: async () => {} }
}

/** Syncs the bytes of a file only after it got its name. */
export function syncingTooLate(files: FileSystem): FileSystem {
  const late: OpenFile[] = []
  const catchUp = async (): Promise<void> => {
    for (const file of late.splice(0)) await file.sync()
  }
  return {
    ...files,
    async open(path, mode) {
      const file = await files.open(path, mode)
      return { ...file, sync: async () => void late.push(file), close: async () => {} }
    },
    link: (path, newPath) => files.link(path, newPath).then(catchUp),
    rename: (path, newPath) => files.rename(path, newPath).then(catchUp),
  }
}

/** Syncs a directory for new files in it, not for new directories. */
export function withoutParentSync(files: FileSystem): FileSystem {
  const grown = new Set<string>()
  return {
    ...files,
    makeDirectory: (path) => files.makeDirectory(path).then(() => void grown.add(dirname(path))),
    syncDirectory: async (path) => {
      if (!grown.delete(path)) await files.syncDirectory(path)
    },
  }
}

/** Takes for durable whatever an earlier process left: syncs a directory only after changing it itself. */
export function trustingThePast(files: FileSystem): FileSystem {
  const changed = new Set<string>()
  const noting = (path: string) => () => void changed.add(dirname(path))
  return {
    ...files,
    open: (path, mode) => {
      if (mode === 'create') changed.add(dirname(path))
      return files.open(path, mode)
    },
    makeDirectory: (path) => files.makeDirectory(path).then(noting(path)),
    link: (path, newPath) => files.link(path, newPath).then(noting(newPath)),
    rename: (path, newPath) => files.rename(path, newPath).then(noting(newPath)),
    unlink: (path) => files.unlink(path).then(noting(path)),
    syncDirectory: async (path) => {
      if (changed.has(path)) await files.syncDirectory(path)
    },
  }
}
