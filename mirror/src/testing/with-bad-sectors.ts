import type { FileSystem } from '../store/file-system.ts'

/** A disk on which files can go bad: they are there, and cannot be read. For tests. */
export interface BadSectors {
  readonly files: FileSystem
  spoil(path: string): Promise<void>
}

export function withBadSectors(files: FileSystem): BadSectors {
  const bad = new Set<bigint>()
  return {
    files: {
      ...files,
      async open(path, mode) {
        const file = await files.open(path, mode)
        const { inode } = await file.stat()
        return {
          ...file,
          async read(buffer, position) {
            if (bad.has(inode)) throw Object.assign(new Error(`EIO: ${path}`), { code: 'EIO' })
            return await file.read(buffer, position)
          },
        }
      },
    },
    spoil: async (path) => void bad.add((await files.stat(path)).inode),
  }
}
