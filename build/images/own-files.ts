import path from 'node:path'
import type { LayerEntry } from '../../test/image-maker/layer-spec.ts'
import type { OwnPackage } from './stage-project.ts'

/** What of a package of ours runs, below a `node_modules`; not the script that starts it. */
export function ownFiles({ name, directory, files }: OwnPackage, nodeModules: string): LayerEntry[] {
  const include = (file: string): boolean => !/\.(?:d\.ts|tsbuildinfo)$/.test(file)
  const target = path.posix.join(nodeModules, name)
  return [
    { path: `${target}/package.json`, from: { file: path.join(directory, 'package.json') } },
    ...files.map((file) => ({ path: `${target}/${file}`, from: { tree: path.join(directory, file), include } })),
  ]
}
