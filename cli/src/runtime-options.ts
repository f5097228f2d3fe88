import { createFileSystem } from '@stowage/node-agent/files/create-file-system'
import { hostPlatform } from '@stowage/node-agent/host-platform'
import { openRuntime, parseRuntimePlace } from '@stowage/node-agent/runtime/open-runtime'
import type { Runtime } from '@stowage/node-agent/runtime/runtime'
import type { Platform } from '@stowage/mirror/oci/platform'
import { option, parsedBy } from './option.ts'

/** `--runtime`, for all that put images on a node. */
export function runtimeOption(): ReturnType<typeof option> {
  const checked = (text: string): string => (parseRuntimePlace(text), text)
  return option('--runtime <runtime>', 'where the images live: layout:DIR, an OCI image layout')
    .argParser(parsedBy(checked))
    .makeOptionMandatory()
}

/** A runtime, and what it was opened with. */
export interface OpenedRuntime extends AsyncDisposable {
  readonly runtime: Runtime
  readonly platform: Platform
  readonly files: ReturnType<typeof createFileSystem>
}

/**
 * Opens the runtime that a flag names, for this machine's platform.
 * @throws Fault invalid | denied | no-space | unavailable
 */
export async function openNamedRuntime(text: string): Promise<OpenedRuntime> {
  const files = createFileSystem()
  const platform = hostPlatform()
  const runtime = await openRuntime(text, { files, platform })
  return { runtime, platform, files, [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose]() }
}
