import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import Sqlite from 'better-sqlite3'
import type { Logger } from 'pino'
import { Fault } from '@stowage/mirror/oci/fault'
import { migrations } from './migrations.ts'

/** A prepared statement. Every verb throws Fault no-space | unavailable where the disk is the reason. */
export interface Statement<Row> {
  run(...values: SqlValue[]): void
  get(...values: SqlValue[]): Row | undefined
  all(...values: SqlValue[]): Row[]
}

export type SqlValue = string | number | Uint8Array | null

/** The agent's memory of its own doings. One process at a time; a change is on the disk when the call returns. */
export interface Database extends AsyncDisposable {
  prepare<Row>(sql: string): Statement<Row>
  /** All or nothing; nothing asynchronous inside. */
  transaction<Result>(work: () => Result): Result
  /**
   * As `transaction`, but the change is on the disk when it resolves: nobody waits for the disk meanwhile but who asks.
   * Where a flash takes seconds for a sync, that is the difference between a process that goes on and one that stands.
   */
  transactionInBackground<Result>(work: () => Result): Promise<Result>
}

export interface OpenDatabaseOptions {
  /** The agent's data directory, made if it is not there. */
  readonly directory: string
  readonly log: Logger
  /** How long to wait for a predecessor that is still ending, in milliseconds. */
  readonly lockWaitMs?: number
}

const fileName = 'agent.db'

/**
 * Opens the state of a data directory and keeps every other process out of it until it is closed.
 * A file that is damaged is set aside: nothing in it is the only copy.
 * @throws Fault conflict (another agent) | invalid (written by a newer version) | denied | no-space | unavailable
 */
export function openDatabase({ directory, log, lockWaitMs = 2000 }: OpenDatabaseOptions): Database {
  makeDirectory(directory)
  const path = join(directory, fileName)
  try {
    return databaseOver(openSound(path, lockWaitMs), path)
  } catch (error) {
    if (!isDamage(error)) throw faultOf(error, directory)
    log.error({ path, err: error }, 'state was damaged and set aside')
    setAside(path)
  }
  try {
    return databaseOver(openSound(path, lockWaitMs), path)
  } catch (error) {
    throw faultOf(error, directory)
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true })
  } catch (cause) {
    throw new Fault('denied', `data directory ${directory} cannot be made: ${(cause as Error).message}`, { cause })
  }
}

function openSound(path: string, lockWaitMs: number): Sqlite.Database {
  const sqlite = new Sqlite(path, { timeout: lockWaitMs })
  try {
    // Before WAL is entered: so the lock lies on the file itself and no shared memory is needed.
    sqlite.pragma('locking_mode = EXCLUSIVE')
    sqlite.pragma('journal_mode = WAL')
    sqlite.pragma('synchronous = FULL')
    sqlite.pragma('foreign_keys = ON')
    const [check] = sqlite.pragma('quick_check(1)') as { quick_check: string }[]
    if (check?.quick_check !== 'ok') throw new DamageError(`quick_check says: ${check?.quick_check}`)
    migrate(sqlite, path)
    return sqlite
  } catch (error) {
    sqlite.close()
    throw error
  }
}

function migrate(sqlite: Sqlite.Database, path: string): void {
  const version = sqlite.pragma('user_version', { simple: true }) as number
  if (version > migrations.length) {
    throw new Fault(
      'invalid',
      `${path} was written by a newer version of Stowage (state version ${version}, this one knows ${migrations.length}); run that version again, or choose another --data`,
    )
  }
  for (const [index, sql] of migrations.entries()) {
    if (index >= version)
      sqlite.transaction(() => sqlite.exec(`${sql}; PRAGMA user_version = ${index + 1}`)).immediate()
  }
}

function databaseOver(sqlite: Sqlite.Database, path: string): Database {
  const directory = dirname(path)
  const guarded = <Result>(work: () => Result): Result => {
    try {
      return work()
    } catch (error) {
      throw faultOf(error, directory)
    }
  }
  return {
    prepare<Row>(sql: string): Statement<Row> {
      const statement = sqlite.prepare<SqlValue[], Row>(sql)
      return {
        run: (...values) => void guarded(() => statement.run(...values)),
        get: (...values) => guarded(() => statement.get(...values)),
        all: (...values) => guarded(() => statement.all(...values)),
      }
    },
    transaction: (work) => guarded(() => sqlite.transaction(work).immediate()),
    async transactionInBackground(work) {
      const result = guarded(() => unsynced(sqlite, () => sqlite.transaction(work).immediate()))
      await syncLog(path)
      return result
    },
    async [Symbol.asyncDispose]() {
      sqlite.close()
    },
  }
}

/** Commits without waiting for the disk; the next commit of another kind, or a sync of the log, makes it durable. */
function unsynced<Result>(sqlite: Sqlite.Database, commit: () => Result): Result {
  sqlite.pragma('synchronous = NORMAL')
  try {
    return commit()
  } finally {
    sqlite.pragma('synchronous = FULL')
  }
}

/** What SQLite itself does after a commit with `synchronous = FULL` (sqlite.org/wal.html), on another thread. */
async function syncLog(path: string): Promise<void> {
  try {
    await using log = await open(`${path}-wal`)
    await log.datasync()
  } catch (cause) {
    // Closed meanwhile: that has moved all of the log into the file and synced it.
    if (codeOf(cause) === 'ENOENT') return
    const code = codeOf(cause) === 'ENOSPC' ? 'no-space' : 'unavailable'
    throw new Fault(code, `the state in ${dirname(path)} cannot be synced: ${(cause as Error).message}`, { cause })
  }
}

class DamageError extends Error {}

function isDamage(error: unknown): boolean {
  return error instanceof DamageError || /^SQLITE_(?:CORRUPT|NOTADB)/.test(codeOf(error))
}

/** One generation is kept for whoever wants to look at it. */
function setAside(path: string): void {
  for (const suffix of ['', '-wal']) {
    rmSync(`${path}.damaged${suffix}`, { force: true })
    try {
      renameSync(`${path}${suffix}`, `${path}.damaged${suffix}`)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }
}

function faultOf(error: unknown, directory: string): unknown {
  const code = codeOf(error)
  const because = { cause: error }
  if (code.startsWith('SQLITE_BUSY')) {
    return new Fault(
      'conflict',
      `another agent (or import) uses ${directory}; stop it or choose another --data`,
      because,
    )
  }
  if (code.startsWith('SQLITE_FULL'))
    return new Fault('no-space', `no space left for the state in ${directory}`, because)
  if (/^SQLITE_(?:READONLY|CANTOPEN|PERM)/.test(code)) {
    return new Fault('denied', `the state in ${directory} cannot be written; check who owns the directory`, because)
  }
  if (code.startsWith('SQLITE_IOERR')) {
    return new Fault('unavailable', `the disk under ${directory} fails: ${(error as Error).message}`, because)
  }
  return error
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
