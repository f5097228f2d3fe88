import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { digestOf } from '@stowage/mirror/oci/digest'
import { silentLog } from '../testing/silent-log.ts'
import { createAssignments } from './assignments.ts'
import { createAttempts, type Attempt } from './attempts.ts'
import { openDatabase, type Database } from './database.ts'
import { createMeta } from './meta.ts'
import { createPartJournal } from './part-journal.ts'
import { createWishes, type Wish } from './wishes.ts'

let directory: string
let db: Database
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stowage-state-'))
  db = openDatabase({ directory, log: silentLog })
})
afterEach(async () => {
  await db[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true })
})

async function reopen(): Promise<void> {
  await db[Symbol.asyncDispose]()
  db = openDatabase({ directory, log: silentLog })
}

describe('what an agent knows of itself', () => {
  it('is the same instance after a restart', async () => {
    const { instance } = createMeta(db)
    await reopen()
    expect(createMeta(db).instance).toBe(instance)
  })

  it('never gives out a counter twice or a smaller one later', async () => {
    const given: number[] = []
    for (let start = 0; start < 3; start++) {
      const meta = createMeta(db)
      for (let i = 0; i < 1500; i++) given.push(meta.nextCounter())
      await reopen()
    }
    expect(given.every((counter, index) => index === 0 || counter > (given[index - 1] ?? 0))).toBe(true)
  })

  it('adds up what was received', () => {
    const meta = createMeta(db)
    meta.addBytesReceived(2 ** 40)
    meta.addBytesReceived(5)
    expect(meta.bytesReceived()).toBe(2 ** 40 + 5)
  })
})

describe('the last assignment', () => {
  it('is there after a restart, and only the last', async () => {
    const cache = { namespace: 'n', name: 'c', uid: 'u' }
    const assignment = (sequence: number) => ({
      version: 1 as const,
      node: 'edge-1',
      epoch: 'e',
      sequence,
      entries: [{ cache, list: 0, set: digestOf('set'), removal: 'keep' as const }],
    })
    expect(createAssignments(db).latest()).toBeUndefined()
    createAssignments(db).store(assignment(1))
    createAssignments(db).store(assignment(2))
    await reopen()
    expect(createAssignments(db).latest()).toEqual(assignment(2))
  })
})

describe('wishes', () => {
  const wish = (name: string, cache: string, removal: Wish['removal'] = 'keep'): Wish => ({
    name,
    cache,
    digest: digestOf(name),
    removal,
  })

  it('are replaced as a whole', () => {
    const wishes = createWishes(db)
    wishes.replace([wish('a', 'A'), wish('b', 'A')])
    wishes.replace([wish('b', 'A', 'remove'), wish('c', 'B')])
    expect(wishes.all()).toEqual([wish('b', 'A', 'remove'), wish('c', 'B')])
  })

  it('are dropped by name, for all caches', () => {
    const wishes = createWishes(db)
    wishes.replace([wish('a', 'A'), wish('a', 'B'), wish('b', 'A')])
    wishes.drop('a')
    expect(wishes.all()).toEqual([wish('b', 'A')])
  })
})

describe('attempts', () => {
  const attempt = (subject: string, code: Attempt['code']): Attempt => ({
    subject,
    tries: 1,
    delayMs: 10,
    retryAt: 20,
    code,
    message: 'no',
  })

  it('are dropped by subject, by reason, or when nobody asks for them any more', () => {
    const attempts = createAttempts(db)
    for (const subject of ['a', 'b', 'c', 'd'])
      attempts.store(attempt(subject, subject === 'b' ? 'unavailable' : 'corrupt'))
    attempts.drop('a')
    attempts.dropCode('unavailable')
    attempts.retain(new Set(['d', 'x']))
    expect(attempts.all()).toEqual([attempt('d', 'corrupt')])
    expect(attempts.get('c')).toBeUndefined()
  })
})

describe('the journal of part files', () => {
  const digest = digestOf('blob')
  const extent = (start: number, end: number) => ({ start, end, sha256: `${start}-${end}` })

  it('lengthens the last extent in place and counts what came', async () => {
    const meta = createMeta(db)
    const journal = createPartJournal(db, meta)
    journal.begin(digest, { boot: 'one', extents: [] })
    await journal.record(digest, [extent(0, 10)], 10)
    await journal.record(digest, [extent(0, 12), extent(12, 15)], 5)
    await reopen()
    expect(createPartJournal(db, createMeta(db)).get(digest)).toEqual({
      boot: 'one',
      extents: [extent(0, 12), extent(12, 15)],
    })
    expect(createMeta(db).bytesReceived()).toBe(15)
  })

  it('keeps only what a new boot says is known', () => {
    const journal = createPartJournal(db, createMeta(db))
    journal.begin(digest, { boot: 'one', extents: [extent(0, 10), extent(10, 20)] })
    journal.begin(digest, { boot: 'two', extents: [extent(0, 10)] })
    expect(journal.get(digest)).toEqual({ boot: 'two', extents: [extent(0, 10)] })
  })

  it('forgets a dropped part with its extents', () => {
    const journal = createPartJournal(db, createMeta(db))
    journal.begin(digest, { boot: 'one', extents: [extent(0, 10)] })
    journal.drop(digest)
    expect(journal.get(digest)).toBeUndefined()
    expect(journal.digests()).toEqual([])
    expect(db.prepare('SELECT * FROM extent').all()).toEqual([])
  })
})
