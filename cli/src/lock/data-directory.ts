import { access, constants, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Fault } from '@stowage/mirror/oci/fault'
import Database from 'better-sqlite3'
import { z } from 'zod'

/** What a data directory belongs to; `stowage up` and `stowage mirror` share the mirror's form. */
export type DataKind = 'mirror' | 'agent'

/** The layout of data directories that this version writes; raised when an older version could not read it any more. */
const layoutVersion = 1

const lockName = 'stowage.lock'

const markerSchema = z.object({ kind: z.string(), version: z.number().int() })

/** A data directory that this process alone may use, until it is disposed of or the process ends, however it ends. */
export interface DataDirectory extends AsyncDisposable {
  readonly path: string
}

export interface OpenDirectoryOptions {
  /** For who can do without writing; otherwise what may not be written to is refused. */
  readonly mayBeReadOnly?: boolean
}

/**
 * Makes or opens a data directory and locks it.
 * @throws Fault conflict (another process uses it) | invalid (it belongs to something else, or to a newer version) | denied
 */
export async function openDataDirectory(
  path: string,
  kind: DataKind,
  { mayBeReadOnly = false }: OpenDirectoryOptions = {},
): Promise<DataDirectory> {
  await makeDirectory(path)
  await refuseFilesOfOthers(path)
  const lock = acquireLock(path)
  try {
    if (!mayBeReadOnly) await refuseUnlessWritable(path)
    await checkMarker(path, kind)
  } catch (error) {
    lock.close()
    throw error
  }
  return {
    path,
    [Symbol.asyncDispose]: () => {
      lock.close()
      return Promise.resolve()
    },
  }
}

/** SQLite opens and locks also what it may not write to, and then keeps nobody out. */
async function refuseUnlessWritable(path: string): Promise<void> {
  try {
    for (const each of [path, join(path, lockName)]) await access(each, constants.W_OK)
  } catch (cause) {
    throw new Fault('denied', `--data ${path}: no permission to write there`, { cause })
  }
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await makeWithParents(path)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'EEXIST' || code === 'ENOTDIR')
      throw new Fault('invalid', `--data ${path} is not a directory`, { cause })
    if (code === 'ENOENT') throw new Fault('invalid', `--data ${path}: no directory can be made there`, { cause })
    if (code === 'EACCES' || code === 'EROFS')
      throw new Fault('denied', `--data ${path}: no permission to write there`, { cause })
    if (code === 'ENOSPC') throw new Fault('no-space', `--data ${path}: the disk is full`, { cause })
    throw cause
  }
}

/** Node's own way to make parents, too, never ends where a file system has no place for them, as below /proc. */
async function makeWithParents(path: string): Promise<void> {
  const make = (): Promise<void> => mkdir(path).catch(unlessDirectory)
  try {
    await make()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) throw error
    await makeWithParents(dirname(path))
    await make()
  }

  async function unlessDirectory(error: NodeJS.ErrnoException): Promise<void> {
    if (error.code !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error
  }
}

/**
 * SQLite's exclusive transaction is a kernel lock on the file: it holds across containers that share the directory and
 * goes with the process, so a crash leaves nothing to clean up.
 */
function acquireLock(path: string): Database.Database {
  let lock: Database.Database | undefined
  try {
    lock = new Database(join(path, lockName), { timeout: 0 })
    lock.pragma('journal_mode = MEMORY')
    lock.exec('BEGIN EXCLUSIVE')
    return lock
  } catch (cause) {
    lock?.close()
    const code = (cause as { code?: string }).code ?? ''
    if (code.startsWith('SQLITE_BUSY')) {
      throw new Fault(
        'conflict',
        `--data ${path} is in use by another Stowage process; stop that one or choose another directory`,
        { cause },
      )
    }
    if (/^SQLITE_(CANTOPEN|READONLY|PERM)/.test(code)) {
      throw new Fault('denied', `--data ${path}: no permission to write there`, { cause })
    }
    if (code === 'SQLITE_FULL') throw new Fault('no-space', `--data ${path}: the disk is full`, { cause })
    throw cause
  }
}

async function checkMarker(path: string, kind: DataKind): Promise<void> {
  const marker = await readMarker(path)
  if (!marker) return await createMarker(path, kind)
  if (marker.kind !== kind) {
    throw new Fault(
      'invalid',
      `--data ${path} belongs to a Stowage ${marker.kind}, not to a ${kind}; choose another directory`,
    )
  }
  if (marker.version > layoutVersion) {
    throw new Fault(
      'invalid',
      `--data ${path} was written by a newer Stowage (layout ${marker.version}, this one knows ${layoutVersion}); upgrade this one`,
    )
  }
}

async function readMarker(path: string): Promise<z.infer<typeof markerSchema> | undefined> {
  const file = join(path, 'stowage.json')
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return markerSchema.parse(JSON.parse(text))
  } catch (cause) {
    // A power cut right after creation may leave the file empty; then nothing else was written either.
    if (text.trim() === '') return undefined
    throw new Fault('invalid', `${file} cannot be read; is ${path} a data directory of Stowage?`, { cause })
  }
}

/** Refuses to settle among files that are somebody else's, before one of ours is among them. */
async function refuseFilesOfOthers(path: string): Promise<void> {
  if (await readMarker(path)) return
  const own = new Set([lockName, 'stowage.json', 'lost+found'])
  const others = (await readdir(path)).filter((name) => !own.has(name))
  if (others.length > 0) {
    throw new Fault(
      'invalid',
      `--data ${path} holds other files (${others.slice(0, 3).join(', ')}); choose an empty directory`,
    )
  }
}

async function createMarker(path: string, kind: DataKind): Promise<void> {
  const text = `${JSON.stringify({ kind, version: layoutVersion })}\n`
  await writeFile(join(path, 'stowage.json'), text, { flush: true })
}
