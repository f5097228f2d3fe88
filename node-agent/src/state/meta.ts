import { randomUUID } from 'node:crypto'
import { isFault } from '@stowage/mirror/oci/fault'
import type { Database } from './database.ts'

/** What an agent knows of itself, since its first start. */
export interface Meta {
  /** Made at the first start: tells a clone of the same name from the node. */
  readonly instance: string
  /** A number greater than any that was given out before, also before a crash. */
  nextCounter(): number
  /** Blob bytes received since the first start. */
  bytesReceived(): number
  addBytesReceived(bytes: number): void
}

/** Counters are set aside in blocks: a report a second must not cost a write to the flash each time. */
const counterBlock = 1000

/** Opens the notes about the agent itself; the instance is made if there is none. */
export function createMeta(db: Database): Meta {
  const select = db.prepare<{ value: string }>('SELECT value FROM meta WHERE key = ?')
  const upsert = db.prepare(
    'INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
  )
  const add = db.prepare(
    `INSERT INTO meta (key, value) VALUES ('bytes_received', ?)
     ON CONFLICT DO UPDATE SET value = CAST(CAST(value AS INTEGER) + CAST(excluded.value AS INTEGER) AS TEXT)`,
  )
  const numberAt = (key: string): number => Number(select.get(key)?.value ?? 0)

  function makeInstance(): string {
    const made = randomUUID()
    upsert.run('instance', made)
    return made
  }

  /** A full disk must not silence the node: counters go on, and only a restart before there is room again may repeat some. */
  function reserve(upTo: number): void {
    reserved = upTo
    try {
      upsert.run('counter_reserved', String(upTo))
    } catch (error) {
      if (!isFault(error)) throw error
    }
  }

  const instance = select.get('instance')?.value ?? makeInstance()
  let counter = numberAt('counter_reserved')
  let reserved = counter

  return {
    instance,
    nextCounter() {
      counter += 1
      if (counter > reserved) reserve(counter + counterBlock)
      return counter
    },
    bytesReceived: () => numberAt('bytes_received'),
    addBytesReceived: (bytes) => add.run(String(bytes)),
  }
}
