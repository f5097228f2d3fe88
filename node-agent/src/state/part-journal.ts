import type { Digest } from '@stowage/mirror/oci/digest'
import type { Database } from './database.ts'
import type { Meta } from './meta.ts'

/** A stretch of a part file that lies on the disk for certain. `end` is exclusive; `sha256` is hex over these bytes. */
export interface Extent {
  readonly start: number
  readonly end: number
  readonly sha256: string
}

/** What is known of one part file. Extents are in order and without gaps from 0 on. */
export interface PartRecord {
  /** The boot of the machine in which the file was last written to. */
  readonly boot: string
  readonly extents: readonly Extent[]
}

/** What is known of half-fetched blobs: durable when a verb returns, or resolves. */
export interface PartJournal {
  get(digest: Digest): PartRecord | undefined
  digests(): Digest[]
  /** Begins a part, or says that from now on it is written to in this boot and that only these extents of it are known. */
  begin(digest: Digest, record: PartRecord): void
  /** Adds extents, or lengthens the last one, which began at the same place; and counts what came over the link for them. */
  record(digest: Digest, extents: readonly Extent[], bytesReceived: number): Promise<void>
  drop(digest: Digest): void
}

export function createPartJournal(db: Database, meta: Pick<Meta, 'addBytesReceived'>): PartJournal {
  const selectPart = db.prepare<{ boot: string }>('SELECT boot FROM part WHERE digest = ?')
  const selectDigests = db.prepare<{ digest: Digest }>('SELECT digest FROM part ORDER BY digest')
  const selectExtents = db.prepare<Extent>('SELECT start, end, sha256 FROM extent WHERE digest = ? ORDER BY start')
  const insertPart = db.prepare('INSERT INTO part (digest, boot) VALUES (?, ?)')
  const upsertExtent = db.prepare('INSERT OR REPLACE INTO extent (digest, start, end, sha256) VALUES (?, ?, ?, ?)')
  const removePart = db.prepare('DELETE FROM part WHERE digest = ?')

  function insertExtents(digest: Digest, extents: readonly Extent[]): void {
    for (const { start, end, sha256 } of extents) upsertExtent.run(digest, start, end, sha256)
  }

  return {
    get(digest) {
      const part = selectPart.get(digest)
      return part && { boot: part.boot, extents: selectExtents.all(digest) }
    },
    digests: () => selectDigests.all().map(({ digest }) => digest),
    begin: (digest, { boot, extents }) =>
      db.transaction(() => {
        removePart.run(digest)
        insertPart.run(digest, boot)
        insertExtents(digest, extents)
      }),
    record: (digest, extents, bytesReceived) =>
      db.transactionInBackground(() => {
        insertExtents(digest, extents)
        if (bytesReceived > 0) meta.addBytesReceived(bytesReceived)
      }),
    drop: (digest) => removePart.run(digest),
  }
}
