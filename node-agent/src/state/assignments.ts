import { parseAssignment, type Assignment } from '@stowage/mirror/edge/assignment'
import type { Database } from './database.ts'

/** The last assignment, which is obeyed until there is another one. */
export interface Assignments {
  latest(): Assignment | undefined
  store(assignment: Assignment): void
}

export function createAssignments(db: Database): Assignments {
  const select = db.prepare<{ document: string }>('SELECT document FROM assignment WHERE id = 1')
  const upsert = db.prepare(
    'INSERT INTO assignment (id, document) VALUES (1, ?) ON CONFLICT DO UPDATE SET document = excluded.document',
  )
  return {
    latest() {
      const row = select.get()
      return row && parseAssignment(JSON.parse(row.document))
    },
    store: (assignment) => upsert.run(JSON.stringify(assignment)),
  }
}
