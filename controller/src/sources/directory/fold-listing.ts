import type { SourceProblem } from '../wish-source.ts'
import type { FileObject, ParsedFile } from './parse-file.ts'
import { confirmationFile, type Listing } from './scan-directory.ts'

/** What is in force of one file. */
export interface KnownFile {
  /** Of the content that was last read; undefined for what is only remembered from an earlier run. */
  readonly signature: string | undefined
  /** Of the last version without an error. */
  readonly objects: readonly FileObject[]
  /** Of the latest version. */
  readonly problems: readonly SourceProblem[]
}
export type KnownFiles = ReadonlyMap<string, KnownFile>

export interface FoldInput {
  readonly listing: Listing
  /** Paths that changed between the last two looks: they may be half written, or about to come back. */
  readonly unsettled: ReadonlySet<string>
  /** Files read anew. */
  readonly parsed: ReadonlyMap<string, ReadFile>
}

/** A file as it was just read. */
export interface ReadFile extends ParsedFile {
  readonly signature: string
  /** Not a single byte. */
  readonly isEmpty: boolean
}

export interface Fold {
  /** The same map if nothing changed. */
  readonly files: KnownFiles
  /** Why the directory is not believed; undefined if it is. */
  readonly held: string | undefined
}

/** The paths that differ between two looks at a directory. */
export function unsettledPaths(before: Listing | undefined, now: Listing): ReadonlySet<string> {
  const paths = new Set([...(before?.files.keys() ?? []), ...now.files.keys()])
  return new Set([...paths].filter((path) => before?.files.get(path) !== now.files.get(path)))
}

/**
 * What is in force after a look at the directory. A file with an error keeps its last good version, a file that is gone
 * takes its objects with it once no new one is on its way, which may bring them again, and several caches that are gone at once together with every file are not believed to be
 * gone: a disk that is not mounted looks the same.
 */
export function foldListing(known: KnownFiles, { listing, unsettled, parsed }: FoldInput): Fold {
  const caches = [...known.values()].flatMap(({ objects }) => objects.filter(({ kind }) => kind === 'ImageCache'))
  const lostAll = listing.files.size === 0 && listing.unreadable.size === 0 && unsettled.size === 0
  if (lostAll && caches.length > 1 && !listing.confirmedEmpty) {
    return {
      files: known,
      held:
        `all ${caches.length} ImageCaches are gone at once, with every file; nothing changes until there is a YAML file ` +
        `again (an empty one will do) or, if they are to go, a file named ${confirmationFile}`,
    }
  }
  const isMoreToCome = [...listing.files.keys()].some((path) => !known.has(path) && !parsed.has(path))
  const files = new Map<string, KnownFile>()
  for (const path of [...new Set([...known.keys(), ...listing.files.keys()])].toSorted()) {
    const old = known.get(path)
    const file = isMoreToCome && !listing.files.has(path) ? old : foldFile(path, old, { listing, unsettled, parsed })
    if (file) files.set(path, file)
  }
  const changed = files.size !== known.size || [...files].some(([path, file]) => known.get(path) !== file)
  return { files: changed ? files : known, held: undefined }
}

function foldFile(
  path: string,
  old: KnownFile | undefined,
  { listing, unsettled, parsed }: FoldInput,
): KnownFile | undefined {
  if (unsettled.has(path) || isUnreadable(path, listing)) return old
  if (!listing.files.has(path)) return undefined
  const read = parsed.get(path)
  if (!read) return old
  const { signature, objects } = read
  const problems = read.isEmpty && old && old.objects.length > 0 ? [lostContent(path)] : read.problems
  if (!problems.some(({ severity }) => severity === 'error')) return { signature, objects, problems }
  return { signature, objects: old?.objects ?? [], problems }
}

/** A full disk or a power cut leaves files without a byte. */
function lostContent(file: string): SourceProblem {
  const message =
    'the file is empty, as after a write that failed; what it held stays in force. Remove it if that is to go'
  return { severity: 'error', file, message }
}

function isUnreadable(path: string, { unreadable }: Listing): boolean {
  return [...unreadable.keys()].some((lost) => path === lost || path.startsWith(`${lost}/`))
}
