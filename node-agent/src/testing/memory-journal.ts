import type { Digest } from '@stowage/mirror/oci/digest'
import type { Extent, PartJournal, PartRecord } from '../state/part-journal.ts'

/** One thing done to a journal. */
export type JournalChange =
  | { readonly kind: 'begin'; readonly digest: Digest; readonly record: PartRecord }
  | { readonly kind: 'record'; readonly digest: Digest; readonly extents: readonly Extent[]; readonly received: number }
  | { readonly kind: 'drop'; readonly digest: Digest }

/**
 * A journal of which every change is durable at once, as SQLite's are.
 * @param onChange told of each change, from which another journal can be made
 */
export function createMemoryJournal(
  onChange: (change: JournalChange) => void = () => {},
): PartJournal & { readonly bytesReceived: number } {
  const records = new Map<Digest, PartRecord>()
  let received = 0
  const merged = (old: readonly Extent[], more: readonly Extent[]): Extent[] =>
    [...new Map([...old, ...more].map((extent) => [extent.start, extent])).values()].toSorted(
      (a, b) => a.start - b.start,
    )

  return {
    get bytesReceived() {
      return received
    },
    get: (digest) => records.get(digest),
    digests: () => [...records.keys()],
    begin(digest, { boot, extents }) {
      onChange({ kind: 'begin', digest, record: { boot, extents } })
      records.set(digest, { boot, extents: merged([], extents) })
    },
    async record(digest, extents, bytesReceived) {
      onChange({ kind: 'record', digest, extents: [...extents], received: bytesReceived })
      const old = records.get(digest)
      if (!old) throw new Error(`no part ${digest}`)
      records.set(digest, { boot: old.boot, extents: merged(old.extents, extents) })
      received += bytesReceived
    },
    drop(digest) {
      onChange({ kind: 'drop', digest })
      records.delete(digest)
    },
  }
}

/** A journal to which these things were done. */
export function journalAfter(changes: readonly JournalChange[]): ReturnType<typeof createMemoryJournal> {
  const journal = createMemoryJournal()
  for (const change of changes) {
    if (change.kind === 'begin') journal.begin(change.digest, change.record)
    else if (change.kind === 'record') void journal.record(change.digest, change.extents, change.received)
    else journal.drop(change.digest)
  }
  return journal
}
