import { lstat, readdir, readlink, stat } from 'node:fs/promises'
import path from 'node:path'
import type { LayerEntry, SeededBytes } from './layer-spec.ts'

/** One entry of a tar, its tree expanded. `file` is read only when the layer is packed. */
export type FlatEntry =
  | { readonly path: string; readonly kind: 'directory'; readonly mode: number }
  | { readonly path: string; readonly kind: 'link'; readonly mode: number; readonly linkTo: string }
  | { readonly path: string; readonly kind: 'content'; readonly mode: number; readonly content: Uint8Array }
  | { readonly path: string; readonly kind: 'random'; readonly mode: number; readonly random: SeededBytes }
  | {
      readonly path: string
      readonly kind: 'file'
      readonly mode: number
      readonly file: string
      readonly size: number
      /** Last change of the file's bytes or attributes: npm gives every file it installs the same mtime. */
      readonly changedAtMs: number
    }

/** The entries of a layer as a tar has them: trees expanded, parents before children, sorted, each path once. */
export async function expandEntries(entries: readonly LayerEntry[]): Promise<FlatEntry[]> {
  const byPath = new Map<string, FlatEntry>()
  for (const entry of entries) {
    for await (const flat of flattened({ ...entry, path: cleanPath(entry.path) })) byPath.set(flat.path, flat)
  }
  for (const parent of new Set([...byPath.keys()].flatMap(parentsOf))) {
    if (!byPath.has(parent)) byPath.set(parent, { path: parent, kind: 'directory', mode: 0o755 })
  }
  return [...byPath.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

async function* flattened({ path: target, from, mode }: LayerEntry): AsyncGenerator<FlatEntry> {
  if ('content' in from) {
    const content = typeof from.content === 'string' ? new TextEncoder().encode(from.content) : from.content
    yield { path: target, kind: 'content', mode: mode ?? 0o644, content }
  } else if ('random' in from) yield { path: target, kind: 'random', mode: mode ?? 0o644, random: from.random }
  else if ('linkTo' in from) yield { path: target, kind: 'link', mode: 0o777, linkTo: from.linkTo }
  else if ('file' in from) yield await fileEntry(target, from.file, mode)
  else yield* treeEntries(target, from.tree, from.include ?? (() => true))
}

async function* treeEntries(
  target: string,
  tree: string,
  include: (relativePath: string) => boolean,
): AsyncGenerator<FlatEntry> {
  const waiting = ['']
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    for (const found of await readdir(path.join(tree, directory), { withFileTypes: true })) {
      const relative = path.posix.join(directory, found.name)
      if (!include(relative)) continue
      const [inside, outside] = [path.posix.join(target, relative), path.join(tree, relative)]
      if (found.isDirectory()) waiting.push(relative)
      if (found.isDirectory()) yield { path: inside, kind: 'directory', mode: 0o755 }
      else if (found.isFile()) yield await fileEntry(inside, outside)
      else if (found.isSymbolicLink()) {
        yield { path: inside, kind: 'link', mode: 0o777, linkTo: await readlink(outside) }
      }
    }
  }
}

async function fileEntry(target: string, file: string, mode?: number): Promise<FlatEntry> {
  const found = await stat(file)
  if (!found.isFile()) throw new Error(`${file} is not a regular file (${(await lstat(file)).mode.toString(8)})`)
  return {
    path: target,
    kind: 'file',
    mode: mode ?? ((found.mode & 0o100) === 0 ? 0o644 : 0o755),
    file,
    size: found.size,
    changedAtMs: found.ctimeMs,
  }
}

function cleanPath(text: string): string {
  const clean = path.posix.normalize(text).replace(/^\/+|\/+$/g, '')
  if (clean.split('/').includes('..')) throw new Error(`the path "${text}" leads out of the image`)
  return clean === '.' ? '' : clean
}

function parentsOf(target: string): string[] {
  return target
    .split('/')
    .map((_, index, parts) => parts.slice(0, index).join('/'))
    .filter((parent) => parent !== '')
}
