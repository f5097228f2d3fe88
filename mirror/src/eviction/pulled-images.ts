import type { Digest } from '../oci/digest.ts'
import type { ContentRoot } from '../store/gc/content-root.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { createPulledRecords, recordNameOf, type PulledRecord, type PulledRecordsOptions } from './pulled-records.ts'

/** When a manifest was asked for last; it is coarse where another process was asked. */
export type ManifestUse = Readonly<PulledRecord['manifests'][Digest]>

/** What of a repository came, and stays, because somebody asked for it. */
export interface PulledRepository {
  readonly repository: string
  /** Names that upstreams gave to manifests; they may mean something else by now, or nothing. */
  readonly tags: ReadonlySet<string>
  readonly manifests: ReadonlyMap<Digest, ManifestUse>
}

export interface TagMove {
  readonly tag: string
  /** What it means from now on. */
  readonly digest: Digest
  /** What it meant. */
  readonly before: Digest | undefined
}

/**
 * Which images are here because somebody asked for them, and when somebody did last. A use is remembered at once, and written
 * down now and then; so asking for what is here writes nothing.
 */
export interface PulledImages {
  used(repository: string, digest: Digest): void
  /** Undefined if this process was not asked for it. Epoch milliseconds. */
  usedAt(repository: string, digest: Digest): number | undefined
  /** Writes down that an upstream gives a tag. It comes before the tag, which would stay for ever otherwise. */
  tagMoves(repository: string, move: TagMove): Promise<void>
  /** A tag was pushed by a client: it is not an upstream's any more. */
  disown(repository: string, tag: string): Promise<void>
  /** Writes down uses, each manifest's at most once an hour. */
  flush(): Promise<void>
  /** All of them. @throws Fault invalid: another version of Stowage wrote one */
  all(): AsyncIterable<PulledRepository>
  /** What was asked for as parts of an image counts as a use of that, and is remembered as nothing else. */
  absorb(repository: string, image: AbsorbedImage): Promise<void>
  /** Forgets what was evicted, or is gone. */
  forget(
    repository: string,
    gone: Pick<PulledRepository, 'tags'> & { readonly manifests: Iterable<Digest> },
  ): Promise<void>
}

/** A manifest, when it or a part of it was asked for last, and those parts. */
export interface AbsorbedImage extends Pick<ManifestUse, 'usedAt'> {
  readonly root: Digest
  readonly parts: readonly Digest[]
}

/** How coarse what is written down is, in milliseconds. */
const coarseMs = 3600_000
/** Makes any time one of the first hour of 1970. */
const toComeShrinks = 1e6

interface Use {
  usedAt: number
  /** As it is written down; undefined if that is not known. */
  writtenAt?: number | undefined
}

export function createPulledImages(objects: ObjectStore, options: PulledRecordsOptions): PulledImages {
  const { now } = options
  const records = createPulledRecords(objects, options)
  const memory = new Map<string, Map<Digest, Use>>()
  const usesOf = (repository: string): ReadonlyMap<Digest, Use> => memory.get(repository) ?? new Map<Digest, Use>()
  /** Of a clock that was set back since; uses at such times count as before all others, in their order. */
  const isToCome = (at: number): boolean => at > now() + coarseMs
  const passed = (at: number): number => (isToCome(at) ? at / toComeShrinks : at)

  function note(repository: string, digest: Digest, use: Use): void {
    const uses = memory.get(repository) ?? new Map<Digest, Use>()
    memory.set(repository, uses.set(digest, use))
  }

  async function write(repository: string): Promise<void> {
    const due = [...usesOf(repository)].filter(
      ([, { usedAt, writtenAt = -Infinity }]) => usedAt - writtenAt >= coarseMs,
    )
    if (due.length === 0) return
    const stored = await records.update(recordNameOf(repository), (old = emptyRecord(repository)) => {
      const news = due.filter(
        ([digest, { usedAt }]) => usedAt - (old.manifests[digest]?.usedAt ?? -Infinity) >= coarseMs,
      )
      if (news.length === 0) return undefined
      const uses = news.map(([digest, { usedAt }]) => [digest, { ...old.manifests[digest], usedAt }] as const)
      return { ...old, manifests: { ...old.manifests, ...Object.fromEntries(uses) } }
    })
    for (const [digest, use] of due) use.writtenAt = stored?.manifests[digest]?.usedAt
  }

  function usedAtOf(repository: string, digest: Digest): number | undefined {
    const use = usesOf(repository).get(digest)
    return use && passed(use.usedAt)
  }

  /** Since when an image is superseded that is so since a time to come, nobody knows: it goes when room is needed. */
  function believed({ supersededAt, ...use }: ManifestUse): ManifestUse {
    const isKnown = supersededAt !== undefined && !isToCome(supersededAt)
    return { ...use, usedAt: passed(use.usedAt), ...(isKnown && { supersededAt }) }
  }

  /** What was asked for since it was written down is younger than that. */
  function merged({ repository, tags, manifests }: PulledRecord): PulledRepository {
    const entries = Object.entries(manifests) as [Digest, ManifestUse][]
    const all = new Map(entries.map(([digest, use]) => [digest, believed(use)]))
    for (const digest of usesOf(repository).keys()) {
      const known = all.get(digest)
      all.set(digest, { ...known, usedAt: Math.max(usedAtOf(repository, digest) ?? 0, known?.usedAt ?? 0) })
    }
    return { repository, tags: new Set(tags), manifests: all }
  }

  return {
    used(repository, digest) {
      note(repository, digest, { ...usesOf(repository).get(digest), usedAt: now() })
    },

    usedAt: usedAtOf,

    async tagMoves(repository, { tag, digest, before }) {
      const at = now()
      const stored = await records.update(recordNameOf(repository), (old = emptyRecord(repository)) => {
        const manifests: Record<Digest, ManifestUse> = { ...old.manifests, [digest]: { usedAt: at, isTagged: true } }
        if (before !== undefined)
          manifests[before] = { usedAt: at, ...old.manifests[before], isTagged: true, supersededAt: at }
        return { ...old, tags: [...new Set([...old.tags, tag])], manifests }
      })
      note(repository, digest, { usedAt: at, writtenAt: stored?.manifests[digest]?.usedAt })
    },

    async disown(repository, tag) {
      if (!(await records.get(recordNameOf(repository)))) return
      await records.update(recordNameOf(repository), (old) =>
        old?.tags.includes(tag) ? { ...old, tags: old.tags.filter((one) => one !== tag) } : undefined,
      )
    },

    async flush() {
      for (const repository of memory.keys()) await write(repository)
    },

    async *all() {
      const unwritten = new Set(memory.keys())
      for await (const { value } of records.list()) {
        unwritten.delete(value.repository)
        yield merged(value)
      }
      for (const repository of unwritten) yield merged(emptyRecord(repository))
    },

    async absorb(repository, { root, usedAt, parts }) {
      const older = parts.filter((digest) => (usedAtOf(repository, digest) ?? 0) <= usedAt)
      if (older.length === 0) return
      const known = usesOf(repository).get(root)
      note(repository, root, { ...known, usedAt: Math.max(usedAt, usedAtOf(repository, root) ?? 0) })
      await forget(repository, { tags: new Set(), manifests: older })
    },

    forget,
  }

  async function forget(repository: string, gone: Parameters<PulledImages['forget']>[1]): Promise<void> {
    const digests = new Set(gone.manifests)
    for (const digest of digests) memory.get(repository)?.delete(digest)
    if (memory.get(repository)?.size === 0) memory.delete(repository)
    const left = await records.update(recordNameOf(repository), (old) => {
      if (!old) return undefined
      const manifests = Object.entries(old.manifests).filter(([digest]) => !digests.has(digest as Digest))
      return { ...old, tags: old.tags.filter((tag) => !gone.tags.has(tag)), manifests: Object.fromEntries(manifests) }
    })
    if (left && isEmpty(left)) await deleteIfEmpty(repository)
  }

  async function deleteIfEmpty(repository: string): Promise<void> {
    const found = await records.look(recordNameOf(repository))
    if (found && isEmpty(found.value)) await records.delete(recordNameOf(repository), found.etag)
  }
}

function emptyRecord(repository: string): PulledRecord {
  return { version: 1, repository, tags: [], manifests: {} }
}

function isEmpty({ tags, manifests }: PulledRecord): boolean {
  return tags.length === 0 && Object.keys(manifests).length === 0
}

/** For a collection of garbage: what was asked for by digest stays until it is evicted. */
export async function* pulledRoots(pulled: Pick<PulledImages, 'all'>): AsyncGenerator<ContentRoot> {
  for await (const { repository, manifests } of pulled.all()) {
    for (const [digest, { isTagged }] of manifests) if (!isTagged) yield { repository, digest }
  }
}
