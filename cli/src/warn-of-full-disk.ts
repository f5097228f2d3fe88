import { nodeFileSystem, type FileSystem } from '@stowage/mirror/store/file-system'
import { defaultReserveBytes } from '@stowage/mirror/store/fs-store'
import type { Logger } from 'pino'

/** Says so if a directory can take no content: whoever begins with too small a disk learns it before the first push is refused. */
export async function warnOfFullDisk(
  directory: string,
  { files = nodeFileSystem, log }: { readonly files?: Pick<FileSystem, 'freeBytes'>; readonly log: Logger },
): Promise<void> {
  const freeBytes = await files.freeBytes(directory)
  if (freeBytes > defaultReserveBytes) return
  const needed = `more than ${defaultReserveBytes / 1024 ** 2} MiB have to be free`
  log.warn({ directory, freeBytes }, `no room for content, what is pushed is refused: ${needed}; use a larger disk`)
}
