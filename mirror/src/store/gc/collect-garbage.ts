import { setRepository } from '../../edge/set.ts'
import type { Digest } from '../../oci/digest.ts'
import { sessionPrefix } from '../content/content-keys.ts'
import { createHolds } from '../holds.ts'
import type { ObjectStore } from '../object-store.ts'
import { collectBytes, readMarks, type CollectedBytes } from './collect-bytes.ts'
import { collectLinks } from './collect-links.ts'
import type { RootSource } from './content-root.ts'
import { createPace } from './pace.ts'
import type { CollectionRules } from './plan-links.ts'
import { readManifests } from './read-manifests.ts'
import { readRepositories } from './read-repositories.ts'
import type { ReadRepository } from './read-repository.ts'
import { openStoreClock } from './store-clock.ts'

export interface CollectGarbageOptions {
  readonly objects: ObjectStore
  readonly rules: CollectionRules
  /** What others than the content itself want to stay. */
  readonly roots: readonly RootSource[]
  /** Epoch milliseconds; not one that jumps when the machine's clock is set. */
  readonly now: () => number
  /** No other process has the store open: what one has begun it has left, and no other clock is to be reckoned with. */
  readonly isAlone: boolean
  /** How long it rests, as a multiple of how long it works. */
  readonly restRatio?: number | undefined
  /** Writes nothing, and says what would be done. */
  readonly isDryRun?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: CollectionProgress) => void) | undefined
}

/** How far a collection is. */
export interface CollectionProgress {
  /** Looked at. */
  readonly repositories: number
  /** Manifests and blobs of repositories that were looked at. */
  readonly links: number
  /** Stored blobs that were looked at. */
  readonly blobs: number
  readonly condemned: number
  readonly deleted: number
}

/** What a collection found and did. */
export interface Collection {
  readonly repositories: number
  readonly links: {
    readonly found: number
    /** Nothing keeps them: they are deleted after the grace, unless somebody needs them until then. */
    readonly condemned: number
    /** They had been condemned, and are needed again. */
    readonly pardoned: number
    readonly deleted: number
    /** Manifests without a tag that nothing keeps but that they are new. */
    readonly untagged: number
    /** Condemned before, and not for as long as the grace. */
    readonly waiting: number
  }
  readonly blobs: CollectedBytes
  /** Repositories in which garbage was not looked for. */
  readonly leftAlone: ReadonlyArray<{ readonly repository: string; readonly reason: string }>
}

/**
 * Collects garbage once, while everything goes on; several may do so at a time. See "Collecting garbage" in docs/architecture.md.
 * @throws Fault of the store or of a source of roots, and the reason of `signal`: what was done until then is right by itself
 */
export async function collectGarbage(options: CollectGarbageOptions): Promise<Collection> {
  const { objects, rules, isAlone, isDryRun = false, signal } = options
  // Others write and read times, too. What is only said, and nothing written for, may be said by a wrong clock.
  const clock = isAlone || isDryRun ? options.now : await openStoreClock(objects, options.now)
  const now = clock()
  const progress = { repositories: 0, links: 0, blobs: 0, condemned: 0, deleted: 0 }
  const onRest = (): void => options.onProgress?.({ ...progress })
  const pace = createPace({ restRatio: options.restRatio ?? 0, signal, onRest })
  // Before anything is listed: see planBytes.
  const marks = await readMarks(objects, { inBackground: true })
  const pushedTo = await sessionPrefixes(objects, now - rules.graceMs)
  const holds = createHolds(objects, { now: clock })
  // Nobody knows then how much time has passed.
  const isClockDoubtful = rules.graceMs === Infinity
  if (!isDryRun && !isClockDoubtful) await holds.expire()
  const roots = await readRoots([() => holds.held({ isClockDoubtful }), ...options.roots])
  const seen = new Set<Digest>()
  const linked = new Set<Digest>()
  const links = { found: 0, condemned: 0, pardoned: 0, deleted: 0, untagged: 0, waiting: 0 }
  const leftAlone: Array<{ repository: string; reason: string }> = []
  /** One that cannot be read, so that nobody knows which images it needs. */
  let damagedSet: Digest | undefined

  // Sets name images of other repositories, so what is left of them is known first.
  for await (const repository of readRepositories(objects, { pace, only: setRepository })) await collect(repository)
  for await (const repository of readRepositories(objects, { pace })) {
    if (repository.name !== setRepository) await collect(repository)
  }
  const shared = { objects, marks, seen, linked, now, clock, pace, progress, isDryRun, isAlone }
  const blobs = await collectBytes({ ...shared, youngMs: rules.youngMs })
  return { repositories: progress.repositories, links, blobs, leftAlone }

  async function collect(repository: ReadRepository): Promise<void> {
    const { name } = repository
    progress.links += repository.links.size
    const manifests = await readManifests(objects, repository, pace)
    const isPushedTo = pushedTo.has(sessionPrefix(name))
    const given = {
      objects,
      rules,
      roots: damagedSet ? new Set(repository.links.keys()) : (roots.get(name) ?? new Set<Digest>()),
      isPushedTo,
      now,
      clock,
      pace,
      progress,
      isDryRun,
    }
    const { deleted, trouble, ...counts } = await collectLinks(repository, manifests, given)
    for (const digest of [...repository.links.keys(), ...repository.unreadable]) {
      seen.add(digest)
      if (!deleted.has(digest)) linked.add(digest)
    }
    for (const [set, images] of manifests.images) {
      if (!deleted.has(set)) for (const image of images) addRoot(roots, image)
    }
    const reason = trouble ?? (damagedSet && `set ${damagedSet} is damaged, and may need what is there`)
    if (reason !== undefined) leftAlone.push({ repository: name, reason })
    if (name === setRepository) {
      const unknown = [...manifests.damaged, ...repository.unreadable]
      damagedSet = unknown.find((digest) => !deleted.has(digest))
    }
    progress.repositories++
    links.found += repository.links.size
    links.condemned += counts.condemned
    links.pardoned += counts.pardoned
    links.deleted += deleted.size
    links.untagged += counts.untagged
    links.waiting += counts.waiting
  }
}

type Roots = Map<string, Set<Digest>>

async function readRoots(sources: readonly RootSource[]): Promise<Roots> {
  const roots: Roots = new Map()
  for (const source of sources) for await (const root of source()) addRoot(roots, root)
  return roots
}

function addRoot(roots: Roots, { repository, digest }: { repository: string; digest: Digest }): void {
  const known = roots.get(repository)
  if (known) known.add(digest)
  else roots.set(repository, new Set([digest]))
}

/** Of the repositories that somebody pushes to: bytes came since that time, epoch milliseconds. */
async function sessionPrefixes(objects: ObjectStore, since: number): Promise<Set<string>> {
  const prefixes = new Set<string>()
  for await (const { id, changedAt } of objects.listUploads()) {
    if (changedAt >= since) prefixes.add(id.slice(0, sessionPrefix('').length))
  }
  return prefixes
}
