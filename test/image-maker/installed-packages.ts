import { readdir } from 'node:fs/promises'
import path from 'node:path'

/** A package that npm installed, by its name and directory. */
export interface InstalledPackage {
  readonly name: string
  readonly directory: string
}

/** The packages right below node_modules, sorted; not those of this workspace, which are links, nor the Node runtime. */
export async function installedPackages(nodeModules: string): Promise<InstalledPackage[]> {
  const found: string[] = []
  for (const entry of await readdir(nodeModules, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith('.') || entry.name.startsWith('node-linux-')) continue
    if (!entry.name.startsWith('@')) found.push(entry.name)
    else found.push(...(await packagesOfScope(nodeModules, entry.name)))
  }
  return found.toSorted().map((name) => ({ name, directory: path.join(nodeModules, name) }))
}

async function packagesOfScope(nodeModules: string, scope: string): Promise<string[]> {
  const entries = await readdir(path.join(nodeModules, scope), { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => `${scope}/${entry.name}`)
}
