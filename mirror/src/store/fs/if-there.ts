import type { FileFacts, FileSystem, OpenFile } from '../file-system.ts'
import { isErrno } from './disk-fault.ts'

/** What is at a path; undefined if nothing is or can be. */
export async function statIfThere(files: Pick<FileSystem, 'stat'>, path: string): Promise<FileFacts | undefined> {
  try {
    return await files.stat(path)
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

/** Opens a file; undefined if there is none. */
export async function openIfThere(
  files: FileSystem,
  path: string,
  mode: 'read' | 'write',
): Promise<OpenFile | undefined> {
  try {
    return await files.open(path, mode)
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}
