import { resolve } from 'node:path'
import { Fault } from '@stowage/mirror/oci/fault'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { FileSystem } from '../files/file-system.ts'
import { openLayoutRuntime } from './layout/layout-runtime.ts'
import type { Runtime } from './runtime.ts'

export interface OpenRuntimeOptions {
  readonly files: FileSystem
  readonly platform: Platform
}

/** What `layout:DIR` names. */
export interface RuntimePlace {
  readonly kind: 'layout'
  /** As it was written. */
  readonly directory: string
}

/**
 * Reads what a runtime is called on a command line.
 * @throws Fault invalid
 */
export function parseRuntimePlace(text: string): RuntimePlace {
  const [, kind, directory] = /^([a-z]+):(.+)$/s.exec(text) ?? []
  if (kind === 'layout' && directory) return { kind, directory }
  throw new Fault('invalid', `"${text.slice(0, 200)}" is not a runtime; write layout:DIR for a directory of images`)
}

/**
 * Opens a runtime by what it is called on a command line: `layout:DIR`.
 * @throws Fault invalid | denied | no-space | unavailable
 */
export async function openRuntime(text: string, options: OpenRuntimeOptions): Promise<Runtime> {
  const { directory } = parseRuntimePlace(text)
  return openLayoutRuntime({ directory: resolve(directory), ...options })
}
