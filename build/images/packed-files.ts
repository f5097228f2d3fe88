import { readdir } from 'node:fs/promises'
import path from 'node:path'

/** Directories right below a package that nothing loads when it runs; deeper ones may be part of the program. */
const leftOut = /(?:^|\/node_modules\/)(?:@[^/]+\/)?[^/]+\/(?:\.github|__tests__|benchmarks?|docs?|examples?|tests?)\//
/** Packages without a program, and the runtime, which lies elsewhere in the image. */
const notPackages = /(?:^|\/)(?:\.bin|@types|node-linux-[^/]+)\//
const loaded = new Set(['.js', '.cjs', '.mjs', '.json', '.node', '.proto', '.wasm'])
const licence = /^(?:licen[cs]e|notice|copying)/i

/**
 * Whether a file below `node_modules` belongs into an image: what can be loaded, and what licences ask for.
 * @param cpu as Node calls it: of native modules only those for it and glibc
 */
export function isPacked(relativePath: string, cpu: string): boolean {
  if (leftOut.test(relativePath) || notPackages.test(relativePath)) return false
  const name = path.posix.basename(relativePath)
  const extension = path.posix.extname(name)
  if (extension === '.node') return isNativeFor(relativePath, cpu)
  return loaded.has(extension) || licence.test(name)
}

/** `prebuilds/linux-x64.node`, or `prebuilds/linux-x64/NAME.glibc.node`. */
function isNativeFor(relativePath: string, cpu: string): boolean {
  return new RegExp(`/linux-${cpu}(?:/[^/]+\\.glibc)?\\.node$`).test(relativePath)
}

/** The files below `node_modules` that belong into an image, by their paths in it; packages that are links are not. */
export async function packedFiles(nodeModules: string, cpu: string): Promise<string[]> {
  const found = await readdir(nodeModules, { recursive: true, withFileTypes: true })
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(nodeModules, path.join(entry.parentPath, entry.name)))
    .filter((file) => isPacked(file, cpu))
}
