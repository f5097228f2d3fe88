import { assignmentSchema, type AssignmentEntry } from '@stowage/mirror/edge/assignment'
import type { Database } from './database.ts'

/** What was carried to this node on a disk since its centre was last heard of: entries as of an assignment. */
export interface Carried {
  entries(): AssignmentEntry[]
  store(entries: readonly AssignmentEntry[]): void
  drop(): void
}

export function createCarried(db: Database): Carried {
  const select = db.prepare<{ entries: string }>('SELECT entries FROM carried WHERE id = 1')
  const upsert = db.prepare(
    'INSERT INTO carried (id, entries) VALUES (1, ?) ON CONFLICT DO UPDATE SET entries = excluded.entries',
  )
  const remove = db.prepare('DELETE FROM carried')
  return {
    entries: () => assignmentSchema.shape.entries.parse(JSON.parse(select.get()?.entries ?? '[]')),
    store: (entries) => upsert.run(JSON.stringify(entries)),
    drop: () => remove.run(),
  }
}
