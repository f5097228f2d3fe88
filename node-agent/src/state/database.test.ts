import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLog } from '../testing/silent-log.ts'
import { openDatabase, type Database } from './database.ts'
import { migrations } from './migrations.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stowage-state-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const open = (): Database => openDatabase({ directory, log: silentLog, lockWaitMs: 50 })

describe('the state of a data directory', () => {
  it('is opened by one at a time, and says what to do', async () => {
    await using _first = open()
    expect(open).toThrow(`another agent (or import) uses ${directory}; stop it or choose another --data`)
    expect(open).toThrow(expect.objectContaining({ code: 'conflict' }))
  })

  it('keeps other processes out, too', async () => {
    await using _first = open()
    const script = `
      const db = new (require('better-sqlite3'))(${JSON.stringify(join(directory, 'agent.db'))}, { timeout: 50 })
      try { db.pragma('journal_mode = WAL'); console.log('opened') } catch (error) { console.log(error.code) }`
    const said = execFileSync(process.execPath, ['-e', script], { cwd: import.meta.dirname, encoding: 'utf8' })
    expect(said.trim()).toBe('SQLITE_BUSY')
  })

  it('is free again once it is closed', async () => {
    await open()[Symbol.asyncDispose]()
    await using _second = open()
  })

  it('refuses a directory of a newer version in words', async () => {
    await open()[Symbol.asyncDispose]()
    const sqlite = new Sqlite(join(directory, 'agent.db'))
    sqlite.pragma(`user_version = ${migrations.length + 1}`)
    sqlite.close()
    expect(open).toThrow(/was written by a newer version of Stowage/)
    expect(open).toThrow(expect.objectContaining({ code: 'invalid' }))
    expect(existsSync(join(directory, 'agent.db.damaged'))).toBe(false)
  })

  it.each([
    ['is no database at all', 'not a database, but long enough to be looked at '.repeat(100)],
    ['has a torn header', 'SQLite format 3\0' + 'x'.repeat(8192)],
  ])('sets a file aside that %s, and begins anew', async (_, content) => {
    writeFileSync(join(directory, 'agent.db'), content)
    await using db = open()
    expect(db.prepare('SELECT * FROM wish').all()).toEqual([])
    expect(existsSync(join(directory, 'agent.db.damaged'))).toBe(true)
  })

  it('writes nothing of a transaction that fails', async () => {
    await using db = open()
    expect(() =>
      db.transaction(() => {
        db.prepare("INSERT INTO meta VALUES ('a', 'b')").run()
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(db.prepare('SELECT * FROM meta').all()).toEqual([])
  })

  it('has at once what is synced in the background, and has it after that', async () => {
    const insert = (db: Database, key: string): void => db.prepare("INSERT INTO meta VALUES (?, 'b')").run(key)
    const keys = (db: Database): unknown => db.prepare('SELECT key FROM meta ORDER BY key').all()
    {
      await using db = open()
      const synced = db.transactionInBackground(() => insert(db, 'one'))
      insert(db, 'two')
      expect(keys(db)).toEqual([{ key: 'one' }, { key: 'two' }])
      await synced
      const failed = db.transactionInBackground(() => {
        insert(db, 'three')
        throw new Error('no')
      })
      await expect(failed).rejects.toThrow('no')
    }
    await using db = open()
    expect(keys(db)).toEqual([{ key: 'one' }, { key: 'two' }])
  })

  it('says so where the directory cannot be made', () => {
    writeFileSync(join(directory, 'file'), '')
    expect(() => openDatabase({ directory: join(directory, 'file/data'), log: silentLog })).toThrow(/cannot be made/)
  })
})
