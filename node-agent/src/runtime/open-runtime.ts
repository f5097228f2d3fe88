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

/**
 * Opens a runtime by what it is called on a command line: `layout:DIR`.
 * @throws Fault invalid | denied | no-space | unavailable
 */
export async function openRuntime(text: string, options: OpenRuntimeOptions): Promise<Runtime> {
  const [, kind, place] = /^([a-z]+):(.+)$/s.exec(text) ?? []
  if (kind !== 'layout' || !place) {
    throw new Fault('invalid', `"${text.slice(0, 200)}" is not a runtime; write layout:DIR for a directory of images`)
  }
  return openLayoutRuntime({ directory: resolve(place), ...options })
}
