import type { Digest } from '@stowage/mirror/oci/digest'
import type { Extent, PartJournal, PartRecord } from '../state/part-journal.ts'

/** A journal of which every verb is durable when it returns, as SQLite's are. @param step called before each change */
export function createMemoryJournal(step: () => void = () => {}): PartJournal & { readonly bytesReceived: number } {
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
      step()
      records.set(digest, { boot, extents: merged([], extents) })
    },
    record(digest, extents, bytesReceived) {
      step()
      const old = records.get(digest)
      if (!old) throw new Error(`no part ${digest}`)
      records.set(digest, { boot: old.boot, extents: merged(old.extents, extents) })
      received += bytesReceived
    },
    drop(digest) {
      step()
      records.delete(digest)
    },
  }
}
