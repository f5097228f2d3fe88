import { isFault } from '@stowage/mirror/oci/fault'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { Logger } from 'pino'
import { createBell } from '../../bell.ts'
import { openRemembered } from '../../memory/remembered.ts'
import type { SourceProblem, SourceState, WishSource } from '../wish-source.ts'
import { combineFiles } from './combine-files.ts'
import { foldListing, unsettledPaths, type KnownFiles, type ReadFile } from './fold-listing.ts'
import { readFile } from './read-file.ts'
import { fromRememberedFile, rememberedFileSchema, toRememberedFile } from './remembered-file.ts'
import { scanDirectory, type Listing } from './scan-directory.ts'
import { watchDirectories } from './watch-directories.ts'

export interface DirectorySourceOptions {
  readonly directory: string
  /** Keeps last good versions of the files for the next start. */
  readonly objects: ObjectStore
  readonly log: Logger
  /** A file counts as written once it stayed the same for so long. */
  readonly settleMs?: number
  /** Changes that the operating system does not tell of (network shares) are seen after so long. */
  readonly rescanMs?: number
}

/** Opens a directory of YAML and JSON files as a source of wishes. The directory need not be there. */
export async function openDirectorySource({
  directory,
  objects,
  log,
  settleMs = 100,
  rescanMs = 3000,
}: DirectorySourceOptions): Promise<WishSource> {
  const memory = await openRemembered(objects, { prefix: 'controller/source/', schema: rememberedFileSchema })
  let files: KnownFiles = new Map([...memory.all].map(([path, file]) => [path, fromRememberedFile(file)]))
  let remembered = files
  let combined = combineFiles(files)
  let state: SourceState = { wishes: undefined, condition: 'starting', message: 'not read yet', problems: [] }
  let lastListing: Listing | undefined
  /** Why the last look was not remembered. */
  let forgetting: string | undefined
  let onChange = (): void => undefined

  /** Looks once and takes over what has settled. */
  async function look(): Promise<'settled' | 'unsettled'> {
    const scan = await scanDirectory(directory)
    const before = lastListing
    lastListing = scan.kind === 'listing' ? scan : undefined
    if (scan.kind === 'unreadable') {
      setState(unreadableState(scan.message))
      return 'settled'
    }
    if (!before) return 'unsettled'
    const unsettled = unsettledPaths(before, scan)
    const fold = foldListing(files, { listing: scan, unsettled, parsed: await readChanged(scan, unsettled) })
    if (fold.files !== files) combined = combineFiles(fold.files)
    files = fold.files
    setState(readableState(scan, fold.held))
    await remember()
    return unsettled.size === 0 ? 'settled' : 'unsettled'
  }

  async function readChanged(listing: Listing, unsettled: ReadonlySet<string>): Promise<Map<string, ReadFile>> {
    const parsed = new Map<string, ReadFile>()
    for (const [path, signature] of listing.files) {
      if (unsettled.has(path) || files.get(path)?.signature === signature) continue
      const read = await readFile({ directory, path, signature })
      if (read) parsed.set(path, read)
    }
    return parsed
  }

  /** Tried again with every look until it is done: a full disk must not keep wishes from being taken over. */
  async function remember(): Promise<void> {
    if (remembered === files) return
    const next = files
    try {
      for (const path of remembered.keys()) if (!next.has(path)) await memory.delete(path)
      for (const [path, file] of next) {
        if (remembered.get(path)?.objects !== file.objects) await memory.put(path, toRememberedFile(file))
      }
      remembered = next
      forgetting = undefined
    } catch (err) {
      if (!isFault(err)) throw err
      log[err.message === forgetting ? 'debug' : 'error']({ directory, err }, 'wishes not remembered')
      forgetting = err.message
    }
  }

  function unreadableState(reason: string): SourceState {
    const { wishes, problems } = combined
    const isKnown = state.wishes !== undefined || wishes.caches.length > 0
    const effect = isKnown ? 'the wishes read before stay in force' : 'nothing is published until it can be read'
    const message = `${directory}: ${reason}; ${effect}`
    return { wishes: isKnown ? wishes : undefined, condition: 'unreadable', message, problems }
  }

  function readableState({ unreadable }: Listing, held: string | undefined): SourceState {
    const lost = [...unreadable].map(([file, message]): SourceProblem => {
      return { severity: 'error', file, message: `${message}; what was read there before stays in force` }
    })
    const problems = [...combined.problems, ...lost]
    if (held === undefined) return { wishes: combined.wishes, condition: 'ready', message: '', problems }
    return { wishes: combined.wishes, condition: 'held', message: `${directory}: ${held}`, problems }
  }

  function setState(next: SourceState): void {
    const isNews = wordsOf(next) !== wordsOf(state)
    if (!isNews && next.wishes === state.wishes) return
    if (isNews) tell(next, state)
    state = next
    onChange()
  }

  function tell({ condition, message, problems }: SourceState, before: SourceState): void {
    const told = new Set(before.problems.map((problem) => JSON.stringify(problem)))
    if (condition !== 'ready') log.warn({ directory, condition, reason: message }, 'wishes held')
    for (const problem of problems) {
      const { severity, message: reason, ...where } = problem
      if (severity === 'note' || told.has(JSON.stringify(problem))) continue
      log.warn({ directory, ...where, reason }, 'file not taken over')
    }
  }

  return {
    name: `directory ${directory}`,
    state: () => state,
    async run({ signal, onChange: callback }) {
      onChange = callback
      const bell = createBell()
      using watcher = watchDirectories(directory, () => bell.ring())
      while (!signal.aborted) {
        const outcome = await look()
        watcher.follow(lastListing?.directories ?? new Map())
        const woken = await bell.wait({ timeoutMs: outcome === 'settled' ? rescanMs : settleMs, signal })
        // Looks that judge whether a file has settled must lie apart, however many events come.
        if (woken === 'rung') await createBell().wait({ timeoutMs: settleMs, signal })
      }
    },
  }
}

function wordsOf({ condition, message, problems }: SourceState): string {
  return JSON.stringify([condition, message, problems])
}
