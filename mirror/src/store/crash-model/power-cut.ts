import { dirname } from 'node:path'
import type { Disk, DiskFile } from './disk.ts'
import type { FileId, Operation } from './recorder.ts'

/** One name in a directory that was set or taken away, and not made durable yet. */
interface NameChange {
  readonly kind: 'name'
  readonly at: number
  readonly path: string
  readonly value: FileId | 'directory' | undefined
  /** The old name of a renamed file does not go before the new one comes. */
  readonly onlyWith?: NameChange | undefined
}

interface DataChange {
  readonly kind: 'data'
  readonly at: number
  readonly file: FileId
  readonly change: Extract<Operation, { kind: 'write' | 'truncate' }>
}

type Change = NameChange | DataChange

/** What became of a change that was not durable; `torn` and `zeroed` are for data only. */
export type Fate = 'kept' | 'lost' | 'torn' | 'zeroed'

/** A disk at a moment: what is sure to be on it, and what may be. */
export interface Moment {
  /** A directory that is durable whatever happens. */
  readonly root: string
  readonly names: ReadonlyMap<string, FileId | 'directory'>
  readonly data: ReadonlyMap<FileId, Buffer>
  readonly unsettled: readonly Change[]
}

/**
 * What is durable after each operation and what is not, beginning before the first. The rules are harsher than those of any one file system:
 *
 * - Only fdatasync makes data and size of a file durable, only fsync of a directory makes the names in it durable. ext4 and
 *   XFS make more durable than asked for (an fsync of a new file commits its name too, all older names with it).
 * - What is not durable is kept or lost each for itself. ext4 and XFS keep names in the order of their making (one journal);
 *   here a later one may be kept and an earlier one lost.
 * - Data may be lost while the size is kept: the bytes are zero then, as with delayed allocation.
 *
 * What it believes in: a durable byte stays as it is (no bit rot: digests are for that), the disk does not lie about
 * flushes, one name changes as a whole, and a rename does not lose both names.
 */
export function* momentsOf(operations: readonly Operation[], root: string): Generator<Moment> {
  const names = new Map<string, FileId | 'directory'>([[root, 'directory']])
  const data = new Map<FileId, Buffer>()
  let unsettled: Change[] = []

  /** Makes durable what was done before `upTo` and fits. */
  function settle(upTo: number, fits: (change: Change) => boolean): void {
    const durable = new Set<Change>()
    for (const change of unsettled.filter((candidate) => candidate.at < upTo && fits(candidate))) {
      durable.add(change)
      if (change.kind === 'name' && change.onlyWith) durable.add(change.onlyWith)
    }
    for (const change of unsettled) if (durable.has(change)) apply({ names, data }, change, 'kept')
    unsettled = unsettled.filter((change) => !durable.has(change))
  }

  const moment = (): Moment => ({ root, names: new Map(names), data: new Map(data), unsettled })
  yield moment()
  for (const [at, operation] of operations.entries()) {
    if (operation.kind === 'sync') {
      settle(operation.upTo, (change) => change.kind === 'data' && change.file === operation.file)
    } else if (operation.kind === 'sync-directory') {
      settle(operation.upTo, (change) => change.kind === 'name' && dirname(change.path) === operation.path)
    } else {
      unsettled = [...unsettled, ...changesOf(operation, at)]
    }
    yield moment()
  }
}

function changesOf(operation: Operation, at: number): Change[] {
  switch (operation.kind) {
    case 'create':
    case 'link':
      return [{ kind: 'name', at, path: operation.path, value: operation.file }]
    case 'make-directory':
      return [{ kind: 'name', at, path: operation.path, value: 'directory' }]
    case 'unlink':
      return [{ kind: 'name', at, path: operation.path, value: undefined }]
    case 'rename': {
      const added: NameChange = { kind: 'name', at, path: operation.path, value: operation.file }
      return [added, { kind: 'name', at, path: operation.from, value: undefined, onlyWith: added }]
    }
    case 'write':
    case 'truncate':
      return [{ kind: 'data', at, file: operation.file, change: operation }]
    default:
      return []
  }
}

/** The disk that is found when the power comes back, if these are the fates of what was not durable. */
export function diskWith(moment: Moment, fates: readonly Fate[], random: () => number): Disk {
  const names = new Map(moment.names)
  const data = new Map(moment.data)
  const fateOf = new Map(moment.unsettled.map((change, index) => [change, fates[index] ?? 'lost']))
  for (const [change, fate] of fateOf) {
    const needed = change.kind === 'name' ? change.onlyWith : undefined
    // What is needed is durable by now if it is not among the unsettled.
    if (needed && fateOf.get(needed) === 'lost') continue
    apply({ names, data }, change, fate, random)
  }
  const files = new Map<FileId, DiskFile>()
  const fileOf = (id: FileId): DiskFile => {
    const file = files.get(id) ?? { bytes: data.get(id) ?? Buffer.alloc(0) }
    files.set(id, file)
    return file
  }
  return new Map(
    [...names]
      .filter(([path]) => isReachable({ names, root: moment.root }, path))
      .map(([path, value]) => [path, value === 'directory' ? value : fileOf(value)]),
  )
}

function apply(
  { names, data }: { readonly names: Map<string, FileId | 'directory'>; readonly data: Map<FileId, Buffer> },
  change: Change,
  fate: Fate,
  random: () => number = () => 0,
): void {
  if (fate === 'lost') return
  if (change.kind === 'data') {
    data.set(change.file, written(data.get(change.file) ?? Buffer.alloc(0), change.change, fate, random))
  } else if (change.value === undefined) {
    names.delete(change.path)
  } else {
    names.set(change.path, change.value)
  }
}

function written(old: Buffer, change: DataChange['change'], fate: Fate, random: () => number): Buffer {
  if (change.kind === 'truncate') return resized(old, change.size)
  const { position, bytes } = change
  const arrived = fate === 'torn' ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes
  const next = resized(old, Math.max(old.length, position + arrived.length))
  if (fate === 'zeroed') next.fill(0, position, position + arrived.length)
  else next.set(arrived, position)
  return next
}

function resized(old: Buffer, size: number): Buffer {
  const next = Buffer.alloc(size)
  old.copy(next)
  return next
}

function isReachable({ names, root }: Pick<Moment, 'names' | 'root'>, path: string): boolean {
  return path === root || (names.get(dirname(path)) === 'directory' && isReachable({ names, root }, dirname(path)))
}
