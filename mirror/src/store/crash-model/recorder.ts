import type { FileSystem, OpenFile } from '../file-system.ts'

/** Which file, whatever names it has. */
export type FileId = number

/**
 * What was done to a file system, in order. A write counts from the moment it was asked for, as it may be on the disk from
 * then on; a sync counts when it was through, and for what was done before it was asked for (`upTo`, an index).
 */
export type Operation =
  | { readonly kind: 'create'; readonly path: string; readonly file: FileId }
  | { readonly kind: 'make-directory'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly file: FileId }
  | { readonly kind: 'rename'; readonly from: string; readonly path: string; readonly file: FileId }
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'write'; readonly file: FileId; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly file: FileId; readonly size: number }
  | { readonly kind: 'sync'; readonly file: FileId; readonly upTo: number }
  | { readonly kind: 'sync-directory'; readonly path: string; readonly upTo: number }
  | { readonly kind: 'note'; readonly text: string }

export interface ProcessOptions {
  /** After so many operations in all the process is killed: nothing that it asks for happens or is answered any more. */
  readonly killAfter?: number | undefined
}

/** Notes what processes, one after the other, do to a file system that nobody else touches. */
export interface Recorder {
  readonly operations: readonly Operation[]
  /** Says that somebody was promised something: from here on no power cut may take it back. */
  readonly note: (text: string) => void
  /** The file system as the next process sees it, and a promise of its being killed. */
  process(options?: ProcessOptions): { readonly files: FileSystem; readonly killed: Promise<void> }
}

/** Records what is done to `inner`; there must be nothing but directories at the start. */
export function createRecorder(inner: FileSystem): Recorder {
  const operations: Operation[] = []
  const fileAt = new Map<string, FileId>()
  let lastFile = 0

  const idAt = (path: string): FileId => {
    const file = fileAt.get(path)
    if (file === undefined) throw new Error(`${path} was there before the recording`)
    return file
  }

  function createProcess(killAfter: number): { files: FileSystem; killed: Promise<void> } {
    const { promise: killed, resolve: kill } = Promise.withResolvers<void>()

    async function alive<T>(work: () => Promise<T>): Promise<T> {
      if (operations.length < killAfter) return await work()
      kill()
      return await new Promise<never>(() => {})
    }

    function recordFile(file: OpenFile, id: FileId): OpenFile {
      return {
        stat: () => alive(() => file.stat()),
        read: (buffer, position) => alive(() => file.read(buffer, position)),
        write: (chunks, position) =>
          alive(() => {
            operations.push({ kind: 'write', file: id, position, bytes: Buffer.concat(chunks) })
            return file.write(chunks, position)
          }),
        truncate: (size) =>
          alive(() => {
            operations.push({ kind: 'truncate', file: id, size })
            return file.truncate(size)
          }),
        setModifiedAt: (time) => alive(() => file.setModifiedAt(time)),
        sync: () =>
          alive(async () => {
            const upTo = operations.length
            await file.sync()
            operations.push({ kind: 'sync', file: id, upTo })
          }),
        close: () => alive(() => file.close()),
      }
    }

    const files: FileSystem = {
      open: (path, mode) =>
        alive(async () => {
          const file = await inner.open(path, mode)
          if (mode === 'create') {
            fileAt.set(path, ++lastFile)
            operations.push({ kind: 'create', path, file: lastFile })
          }
          return mode === 'read' ? file : recordFile(file, idAt(path))
        }),
      stat: (path) => alive(() => inner.stat(path)),
      list: (directory) => alive(() => inner.list(directory)),
      makeDirectory: (path) =>
        alive(async () => {
          await inner.makeDirectory(path)
          operations.push({ kind: 'make-directory', path })
        }),
      link: (path, newPath) =>
        alive(async () => {
          const file = idAt(path)
          await inner.link(path, newPath)
          fileAt.set(newPath, file)
          operations.push({ kind: 'link', path: newPath, file })
        }),
      rename: (from, path) =>
        alive(async () => {
          const file = idAt(from)
          await inner.rename(from, path)
          fileAt.delete(from)
          fileAt.set(path, file)
          operations.push({ kind: 'rename', from, path, file })
        }),
      unlink: (path) =>
        alive(async () => {
          await inner.unlink(path)
          fileAt.delete(path)
          operations.push({ kind: 'unlink', path })
        }),
      syncDirectory: (path) =>
        alive(async () => {
          const upTo = operations.length
          await inner.syncDirectory(path)
          operations.push({ kind: 'sync-directory', path, upTo })
        }),
      freeBytes: (directory) => alive(() => inner.freeBytes(directory)),
    }
    return { files, killed }
  }

  return {
    operations,
    note: (text) => void operations.push({ kind: 'note', text }),
    process: ({ killAfter = Infinity } = {}) => createProcess(killAfter),
  }
}
