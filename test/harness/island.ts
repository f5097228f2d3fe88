import path from 'node:path'
import { runStowage, type Ran, type SpawnStowageOptions } from './stowage.ts'

/** A node that nothing connects to a centre. */
export interface Island {
  readonly directory: string
  readonly layout: string
  /** What `stowage` is called with to import a file. */
  importArgs(file: string): string[]
  /** `stowage bundle import`. */
  import(file: string, options?: Pick<SpawnStowageOptions, 'launcher'>): Promise<Ran>
}

export interface IslandOptions {
  /** Default: `layout:` and a folder in the directory. */
  readonly runtime?: string
  /** More flags of `stowage bundle import`. */
  readonly flags?: readonly string[]
}

/** @param directory as that of an agent, which may go on with what was imported */
export function createIsland(directory: string, options: IslandOptions = {}): Island {
  const layout = path.join(directory, 'images')
  const { runtime = `layout:${layout}`, flags = [] } = options
  const where = ['--data', path.join(directory, 'data'), '--runtime', runtime, ...flags]
  const importArgs = (file: string): string[] => ['bundle', 'import', file, ...where]
  return { directory, layout, importArgs, import: (file, how) => runStowage(importArgs(file), how) }
}
