import { join } from 'node:path'
import type { Logger } from 'pino'
import type { FileSystem } from './files/file-system.ts'
import { createAssignments, type Assignments } from './state/assignments.ts'
import { createAttempts, type Attempts } from './state/attempts.ts'
import { createCarried, type Carried } from './state/carried.ts'
import { openDatabase, type Database } from './state/database.ts'
import { createMeta, type Meta } from './state/meta.ts'
import { createPartJournal } from './state/part-journal.ts'
import { createWishes, type Wishes } from './state/wishes.ts'
import { readBootId } from './transfer/boot-id.ts'
import { openDocumentStore, type DocumentStore } from './transfer/document-store.ts'
import { openPartStore, type PartStore } from './transfer/part-store.ts'

/** All that an agent keeps on its disk besides the images themselves. One process at a time. */
export interface DataDirectory extends AsyncDisposable {
  readonly db: Database
  readonly meta: Meta
  readonly assignments: Assignments
  readonly carried: Carried
  readonly wishes: Wishes
  readonly attempts: Attempts
  readonly parts: PartStore
  readonly documents: DocumentStore
}

export interface OpenDataDirectoryOptions {
  readonly directory: string
  readonly files: FileSystem
  readonly log: Logger
}

/**
 * Opens a data directory; makes it if it is not there.
 * @throws Fault conflict (another agent or import uses it) | invalid (of a newer version) | denied | no-space | unavailable
 */
export async function openDataDirectory({ directory, files, log }: OpenDataDirectoryOptions): Promise<DataDirectory> {
  const db = openDatabase({ directory, log })
  try {
    const meta = createMeta(db)
    const journal = createPartJournal(db, meta)
    return {
      db,
      meta,
      assignments: createAssignments(db),
      carried: createCarried(db),
      wishes: createWishes(db),
      attempts: createAttempts(db),
      parts: await openPartStore({ directory: join(directory, 'parts'), files, journal, bootId: await readBootId() }),
      documents: await openDocumentStore(join(directory, 'documents'), files),
      [Symbol.asyncDispose]: () => db[Symbol.asyncDispose](),
    }
  } catch (error) {
    await db[Symbol.asyncDispose]()
    throw error
  }
}
