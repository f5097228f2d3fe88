import { join } from 'node:path'
import type { FileFacts, ReadableFiles } from '../file-system.ts'
import { folderOfPrefix, isKey } from '../object-key.ts'
import { isErrno, onDisk } from './disk-fault.ts'
import { statIfThere } from './if-there.ts'

export interface FoundFile {
  readonly key: string
  readonly facts: FileFacts
  /** Of a small file, where they were asked for and the disk gives them. */
  readonly bytes?: Buffer | undefined
}

export interface ListFilesOptions {
  readonly root: string
  readonly prefix: string
  readonly after: string
  /** Files of at most so many bytes come with them. */
  readonly bringUpTo?: number | undefined
}

/** Walks the files below `root` whose key begins with `prefix` and comes behind `after`, ordered by key. */
export async function* listFiles(
  files: ReadableFiles,
  { root, prefix, after, bringUpTo }: ListFilesOptions,
): AsyncGenerator<FoundFile> {
  const folder = folderOfPrefix(prefix)
  const namesIn = (directory: string): Promise<Iterable<string>> =>
    onDisk(directory, () => sortedNames(files, directory))
  yield* walk(folder === '' ? '' : `${folder}/`)

  async function* walk(folder: string): AsyncGenerator<FoundFile> {
    let batch: string[] = []
    for (const name of await namesIn(join(root, folder.slice(0, -1)))) {
      const path = folder + name
      if (!canHold(path)) continue
      if (path.endsWith('/') || batch.length === batchSize) {
        yield* look(batch)
        batch = []
      }
      if (path.endsWith('/')) yield* walk(path)
      else batch.push(path)
    }
    yield* look(batch)
  }

  /** Whether a file or any file below a directory (with its slash) is asked for. */
  function canHold(path: string): boolean {
    if (!isKey(path.endsWith('/') ? path.slice(0, -1) : path)) return false
    if (!path.endsWith('/')) return path.startsWith(prefix) && path > after
    return (path.startsWith(prefix) || prefix.startsWith(path)) && (path > after || after.startsWith(path))
  }

  async function* look(keys: readonly string[]): AsyncGenerator<FoundFile> {
    for (const found of await Promise.all(keys.map(lookAt))) if (found) yield found
  }

  async function lookAt(key: string): Promise<FoundFile | undefined> {
    const path = join(root, key)
    // Whoever wants bytes that did not come asks for them, and hears then why not.
    const read = bringUpTo === undefined ? undefined : await readSmall(files, path, bringUpTo).catch(() => undefined)
    const { facts, bytes } = read ?? { facts: await onDisk(path, () => statIfThere(files, path)) }
    return facts && !facts.isDirectory ? { key, facts, bytes } : undefined
  }
}

/** Facts of a file, and bytes of the same version if these are few. @throws what the file system does */
export async function readSmall(
  files: ReadableFiles,
  path: string,
  most: number,
): Promise<Pick<FoundFile, 'facts' | 'bytes'>> {
  const file = await files.open(path, 'read')
  try {
    const facts = await file.stat()
    if (facts.isDirectory || facts.size > most) return { facts }
    const bytes = Buffer.allocUnsafe(facts.size)
    return { facts, bytes: (await file.read(bytes, 0)) === facts.size ? bytes : undefined }
  } finally {
    await file.close()
  }
}

/** So few at a time that other work gets its share of the disk. */
const batchSize = 4

/** Directories with the slash that is in the keys below them, so that names sort as those keys do. */
async function sortedNames(files: ReadableFiles, directory: string): Promise<Iterable<string>> {
  try {
    const entries = await files.list(directory)
    return sorted(entries.map(({ name, isDirectory }) => (isDirectory ? `${name}/` : name)))
  } catch (error) {
    // Of an entry that went while its kind was looked up, which some file systems do not list, the others are there still.
    if (isErrno(error, 'ENOENT', 'ENOTDIR') && (error.path ?? directory) === directory) return []
    throw error
  }
}

/** Sorts some at a time: a hundred thousand at once would keep all requests waiting. */
function* sorted(names: readonly string[]): Generator<string> {
  const groups = Map.groupBy(names, (name) => name.slice(0, 2))
  for (const beginning of [...groups.keys()].toSorted()) yield* groups.get(beginning)!.toSorted()
}
