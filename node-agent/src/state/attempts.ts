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

/** What fails, until it succeeds. A disk that is full does not make it forget: it only remembers no longer than the process. */
export interface Attempts {
  get(subject: string): Attempt | undefined
  all(): Attempt[]
  /** @throws Fault no-space | unavailable, and has noted it all the same */
  store(attempt: Attempt): void
  drop(subject: string): void
  /** Drops all that failed for this reason. */
  dropCode(code: FaultCode): void
  /** Drops those about anything else. */
  retain(subjects: ReadonlySet<string>): void
}

export function createAttempts(db: Database): Attempts {
  const columns = 'subject, tries, delay_ms AS delayMs, retry_at AS retryAt, code, message'
  const stored = db.prepare<Attempt>(`SELECT ${columns} FROM attempt ORDER BY subject`).all()
  const upsert = db.prepare('INSERT OR REPLACE INTO attempt VALUES (?, ?, ?, ?, ?, ?)')
  const remove = db.prepare('DELETE FROM attempt WHERE subject = ?')
  return createAttemptsOver(stored, {
    store: ({ subject, tries, delayMs, retryAt, code, message }) =>
      upsert.run(subject, tries, Math.round(delayMs), Math.round(retryAt), code, message),
    drop: (subject) => remove.run(subject),
  })
}

/** Attempts that nobody will remember. */
export function createFleetingAttempts(): Attempts {
  return createAttemptsOver([], { store: () => {}, drop: () => {} })
}

function createAttemptsOver(stored: readonly Attempt[], disk: Pick<Attempts, 'store' | 'drop'>): Attempts {
  const known = new Map(stored.map((attempt) => [attempt.subject, attempt]))

  function dropWhere(isGone: (attempt: Attempt) => boolean): void {
    for (const attempt of [...known.values()].filter(isGone)) drop(attempt.subject)
  }

  function drop(subject: string): void {
    if (known.delete(subject)) disk.drop(subject)
  }

  return {
    get: (subject) => known.get(subject),
    all: () => [...known.values()],
    store(attempt) {
      known.set(attempt.subject, attempt)
      disk.store(attempt)
    },
    drop,
    dropCode: (code) => dropWhere((attempt) => attempt.code === code),
    retain: (subjects) => dropWhere(({ subject }) => !subjects.has(subject)),
  }
}
