import { basename, dirname } from 'node:path'
import type { FileSystem, OpenFile } from '../files/file-system.ts'

/** What every verb throws from the instant on at which the power went. */
export class PowerCut extends Error {}

/** A write or truncation that is not synced yet. */
type Change = { readonly position: number; readonly bytes: Uint8Array } | { readonly size: number }

interface Inode {
  /** As every reader sees it while there is power. */
  bytes: Uint8Array
  /** As it lies on the platter for certain. */
  durable: Uint8Array
  unsynced: Change[]
}

interface Directory {
  entries: Map<string, Inode>
  durable: Map<string, Inode>
  /** Names that came, went or moved since the last sync, in order. */
  unsynced: { readonly name: string; readonly inode: Inode | undefined }[]
}

/** A disk in memory that can lose its power after any number of operations, and what was not synced with it. */
export interface PowerCutDisk extends FileSystem {
  /** Operations so far. */
  readonly operations: number
  /** Lets so many operations more succeed. */
  cutPowerAfter(operations: number): void
  /** Counts as one operation: for stores that are modelled elsewhere. */
  step(): void
  /** The disk as the next boot finds it. Each unsynced change survived, did not, or was torn, as the dice say. */
  reboot(random: () => number): PowerCutDisk
  /** Makes syncs of files do nothing, to see that a test would notice. */
  forgetFileSyncs(): void
  forgetDirectorySyncs(): void
}

const sectorBytes = 512

export function createPowerCutDisk(directories: Map<string, Directory> = new Map()): PowerCutDisk {
  let operations = 0
  let limit = Infinity
  let syncsFiles = true
  let syncsDirectories = true

  function step(): void {
    if (operations >= limit) throw new PowerCut('the power is gone')
    operations += 1
  }
  function directoryOf(path: string): Directory {
    const directory = directories.get(dirname(path))
    if (!directory) throw new Error(`no directory ${dirname(path)}`)
    return directory
  }
  function setEntry(path: string, inode: Inode | undefined): void {
    const { entries, unsynced } = directoryOf(path)
    if (inode) entries.set(basename(path), inode)
    else entries.delete(basename(path))
    unsynced.push({ name: basename(path), inode })
  }
  const inodeOf = (path: string): Inode | undefined => directories.get(dirname(path))?.entries.get(basename(path))

  function openInode(inode: Inode): OpenFile {
    function change(what: Change): void {
      step()
      inode.bytes = applied(inode.bytes, what)
      inode.unsynced.push(what)
    }
    return {
      size: async () => inode.bytes.length,
      async read(into, position) {
        const bytes = inode.bytes.subarray(position, position + into.length)
        into.set(bytes)
        return bytes.length
      },
      write: async (bytes, position) => change({ position, bytes: bytes.slice() }),
      truncate: async (size) => change({ size }),
      async sync() {
        step()
        if (!syncsFiles) return
        inode.durable = inode.bytes
        inode.unsynced = []
      },
      async [Symbol.asyncDispose]() {},
    }
  }

  return {
    get operations() {
      return operations
    },
    step,
    cutPowerAfter: (more) => {
      limit = operations + more
    },
    forgetFileSyncs: () => {
      syncsFiles = false
    },
    forgetDirectorySyncs: () => {
      syncsDirectories = false
    },

    async makeDirectory(path) {
      step()
      for (let made = path; !directories.has(made); made = dirname(made)) {
        directories.set(made, { entries: new Map(), durable: new Map(), unsynced: [] })
      }
    },
    async openForWriting(path) {
      step()
      const inode = inodeOf(path) ?? { bytes: new Uint8Array(), durable: new Uint8Array(), unsynced: [] }
      if (!inodeOf(path)) setEntry(path, inode)
      return openInode(inode)
    },
    async openForReading(path) {
      const inode = inodeOf(path)
      return inode && openInode(inode)
    },
    sizeOf: async (path) => inodeOf(path)?.bytes.length,
    list: async (path) => [...(directories.get(path)?.entries.keys() ?? [])],
    async rename(from, to) {
      step()
      const inode = inodeOf(from)
      if (!inode) throw new Error(`no file ${from}`)
      setEntry(to, inode)
      setEntry(from, undefined)
      return 'renamed'
    },
    async remove(path) {
      step()
      if (inodeOf(path)) setEntry(path, undefined)
    },
    async syncDirectory(path) {
      step()
      const directory = directories.get(path)
      if (!directory || !syncsDirectories) return
      directory.durable = new Map(directory.entries)
      directory.unsynced = []
    },
    freeBytes: async () => 2 ** 40,
    reboot: (random) => createPowerCutDisk(survivorsOf(directories, random)),
  }
}

function applied(bytes: Uint8Array, change: Change): Uint8Array {
  if ('size' in change) {
    const next = new Uint8Array(change.size)
    next.set(bytes.subarray(0, change.size))
    return next
  }
  const next = new Uint8Array(Math.max(bytes.length, change.position + change.bytes.length))
  next.set(bytes)
  next.set(change.bytes, change.position)
  return next
}

function survivorsOf(directories: Map<string, Directory>, random: () => number): Map<string, Directory> {
  const seen = new Map<Inode, Inode>()
  const survivorOf = (inode: Inode): Inode => {
    const bytes = [inode.unsynced].flat().reduce((soFar, change) => survived(soFar, change, random), inode.durable)
    const survivor = seen.get(inode) ?? { bytes, durable: bytes, unsynced: [] }
    seen.set(inode, survivor)
    return survivor
  }
  return new Map(
    [...directories].map(([path, { durable, unsynced }]) => {
      const entries = new Map(durable)
      // A directory's changes reach the platter in their order, up to some instant.
      for (const { name, inode } of unsynced.slice(0, Math.floor(random() * (unsynced.length + 1)))) {
        if (inode) entries.set(name, inode)
        else entries.delete(name)
      }
      const after = new Map([...entries].map(([name, inode]) => [name, survivorOf(inode)]))
      return [path, { entries: after, durable: new Map(after), unsynced: [] }]
    }),
  )
}

/** Lost, whole, or torn: some of its sectors are there, others only as a longer file with other bytes in it. */
function survived(bytes: Uint8Array, change: Change, random: () => number): Uint8Array {
  const dice = random()
  if (dice < 0.3) return bytes
  if (dice < 0.6 || 'size' in change) return applied(bytes, change)
  const torn = Uint8Array.from(change.bytes)
  for (let at = 0; at < torn.length; at += sectorBytes) {
    if (random() < 0.5) torn.fill(random() < 0.5 ? 0 : 0xa5, at, at + sectorBytes)
  }
  return applied(bytes, { position: change.position, bytes: torn })
}
