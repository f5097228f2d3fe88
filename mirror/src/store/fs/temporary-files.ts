import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { FileFacts, FileSystem } from '../file-system.ts'
import { isErrno } from './disk-fault.ts'

/** A file with durable bytes and a name that means nothing yet; disposing takes the name away. */
export interface TemporaryFile extends AsyncDisposable {
  readonly path: string
  readonly facts: FileFacts
}

export interface TemporaryFiles {
  write(bytes: Uint8Array): Promise<TemporaryFile>
  /** Deletes what a process left that ended before it could. */
  sweep(): Promise<void>
}

export interface TemporaryFilesOptions {
  readonly directory: string
  /** When the next file is to have changed last, in epoch milliseconds. */
  readonly nextTime: () => number
}

export function createTemporaryFiles(
  files: FileSystem,
  { directory, nextTime }: TemporaryFilesOptions,
): TemporaryFiles {
  async function writeDurably(path: string, bytes: Uint8Array): Promise<FileFacts> {
    const file = await files.open(path, 'create')
    try {
      await file.write([bytes], 0)
      await file.setModifiedAt(nextTime())
      await file.sync()
      return await file.stat()
    } finally {
      await file.close()
    }
  }

  async function remove(path: string): Promise<void> {
    try {
      await files.unlink(path)
    } catch {
      // It was renamed, or is swept when the store is opened next: nothing depends on it.
    }
  }

  return {
    async write(bytes) {
      const path = join(directory, randomUUID())
      try {
        const facts = await writeDurably(path, bytes)
        return { path, facts, [Symbol.asyncDispose]: () => remove(path) }
      } catch (error) {
        await remove(path)
        throw error
      }
    },

    async sweep() {
      try {
        await files.makeDirectory(directory)
      } catch (error) {
        if (!isErrno(error, 'EEXIST')) throw error
      }
      for (const { name } of await files.list(directory)) await files.unlink(join(directory, name))
    },
  }
}
