import type { BigIntStats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** One look at a directory, without reading a file. */
export type Scan = Listing | { readonly kind: 'unreadable'; readonly message: string }

export interface Listing {
  readonly kind: 'listing'
  /** The directory itself (`''`) and those below it, by path; the text changes when another one takes the place, as by a mount. */
  readonly directories: ReadonlyMap<string, string>
  /** Files that may hold wishes, by path below the directory; the text changes whenever a file's content may have. */
  readonly files: ReadonlyMap<string, string>
  /** Subdirectories and files that cannot be looked at, by path: what is known of them stays. */
  readonly unreadable: ReadonlyMap<string, string>
  /** An operator has said with a file of this name that no wishes at all is what is meant. */
  readonly confirmedEmpty: boolean
}

/** Whoever empties a directory of several caches on purpose creates this file in it. */
export const confirmationFile = '.stowage-empty'

/** Deep enough for any sorting into folders; keeps a mount of a whole disk from being walked. */
const deepest = 8

/** Looks at all `*.yaml`, `*.yml` and `*.json` below a directory. Hidden entries are skipped, as are editors' and ConfigMaps' own. */
export async function scanDirectory(directory: string): Promise<Scan> {
  const files = new Map<string, string>()
  const directories = new Map<string, string>()
  const unreadable = new Map<string, string>()
  try {
    const names = await walk(directory, '', { files, directories, unreadable })
    return {
      kind: 'listing',
      directories,
      files,
      unreadable,
      confirmedEmpty: names.includes(confirmationFile),
    }
  } catch (error) {
    return { kind: 'unreadable', message: describeError(error) }
  }
}

/** Changes whenever the content of a file may have changed. */
export function signatureOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':')
}

interface Found {
  readonly files: Map<string, string>
  readonly directories: Map<string, string>
  readonly unreadable: Map<string, string>
}

async function walk(directory: string, below: string, found: Found, depth = 0): Promise<string[]> {
  const { dev, ino } = await stat(join(directory, below))
  const entries = await readdir(join(directory, below), { withFileTypes: true })
  found.directories.set(below, `${dev}:${ino}`)
  for (const entry of entries) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`
    if (entry.name.startsWith('.')) continue
    if (entry.isDirectory()) {
      if (depth < deepest) await orUnreadable(path, found, () => walk(directory, path, found, depth + 1))
    } else if (/^[^#].*\.(?:yaml|yml|json)$/.test(entry.name)) {
      await orUnreadable(path, found, async () => {
        const stats = await stat(join(directory, path), { bigint: true })
        if (stats.isFile()) found.files.set(path, signatureOf(stats))
      })
    }
  }
  return entries.map(({ name }) => name)
}

async function orUnreadable(path: string, { unreadable }: Found, look: () => Promise<unknown>): Promise<void> {
  try {
    await look()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') unreadable.set(path, describeError(error))
  }
}

/** What the operating system says of a path, in words. */
export function describeError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'it does not exist'
  if (code === 'ENOTDIR') return 'it is not a directory'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  return code ?? message
}
