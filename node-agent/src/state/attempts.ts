import type { FaultCode } from '@stowage/mirror/oci/fault'
import type { Database } from './database.ts'

/** What was tried for one image in vain, and when to try again. */
export interface Attempt {
  /** Name and digest of the image, or a set. */
  readonly subject: string
  /** Tries since the last one that got anywhere. */
  readonly tries: number
  /** How long this pause is, in milliseconds. */
  readonly delayMs: number
  /** Epoch milliseconds by the node's own clock, which may jump. */
  readonly retryAt: number
  readonly code: FaultCode
  readonly message: string
}

export interface Attempts {
  get(subject: string): Attempt | undefined
  all(): Attempt[]
  store(attempt: Attempt): void
  drop(subject: string): void
  /** Drops all that failed for this reason. */
  dropCode(code: FaultCode): void
  /** Drops those about anything else. */
  retain(subjects: ReadonlySet<string>): void
}

export function createAttempts(db: Database): Attempts {
  const columns = 'subject, tries, delay_ms AS delayMs, retry_at AS retryAt, code, message'
  const select = db.prepare<Attempt>(`SELECT ${columns} FROM attempt WHERE subject = ?`)
  const selectAll = db.prepare<Attempt>(`SELECT ${columns} FROM attempt ORDER BY subject`)
  const upsert = db.prepare('INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?, ?, ?)')
  const remove = db.prepare('DELETE FROM attempt WHERE subject = ?')
  const removeCode = db.prepare('DELETE FROM attempt WHERE code = ?')
  return {
    get: (subject) => select.get(subject),
    all: () => selectAll.all(),
    store: ({ subject, tries, delayMs, retryAt, code, message }) =>
      upsert.run(subject, tries, Math.round(delayMs), Math.round(retryAt), code, message),
    drop: (subject) => remove.run(subject),
    dropCode: (code) => removeCode.run(code),
    retain: (subjects) =>
      db.transaction(() => {
        for (const { subject } of selectAll.all()) if (!subjects.has(subject)) remove.run(subject)
      }),
  }
}
