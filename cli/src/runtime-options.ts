import { createFileSystem } from '@stowage/node-agent/files/create-file-system'
import { hostPlatform } from '@stowage/node-agent/host-platform'
import {
  defaultContainerdSettings,
  openRuntime,
  parseRuntimePlace,
  retains,
  type Retain,
} from '@stowage/node-agent/runtime/open-runtime'
import type { Runtime } from '@stowage/node-agent/runtime/runtime'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { Command } from 'commander'
import type { Logger } from 'pino'
import { option, parsedBy } from './option.ts'

/** Where the images of a node live, as flags say it. */
export interface RuntimeFlags {
  readonly runtime: string
  readonly containerdNamespace: string
  readonly snapshotter: string
  readonly retain: Retain
}

/** Gives a command the flags of all that put images on a node. */
export function withRuntimeOptions(command: Command): Command {
  const checked = (text: string): string => (parseRuntimePlace(text), text)
  const { namespace, snapshotter, retain } = defaultContainerdSettings
  return command
    .addOption(
      option(
        '--runtime <runtime>',
        'where the images live: containerd, containerd:SOCKET (k3s: /run/k3s/containerd/containerd.sock), or layout:DIR, an OCI image layout',
      )
        .argParser(parsedBy(checked))
        .makeOptionMandatory(),
    )
    .addOption(
      option('--containerd-namespace <name>', 'namespace of containerd; the kubelet has the default').default(
        namespace,
      ),
    )
    .addOption(
      option('--snapshotter <name>', "containerd's snapshotter, the one that runs the containers").default(snapshotter),
    )
    .addOption(
      option('--retain <what>', 'what containerd keeps besides the unpacked layers: none, or blobs as they came')
        .choices(retains)
        .default(retain),
    )
}

/** A runtime, and what it was opened with. */
export interface OpenedRuntime extends AsyncDisposable {
  readonly runtime: Runtime
  readonly platform: Platform
  readonly files: ReturnType<typeof createFileSystem>
}

/**
 * Opens the runtime that flags name, for this machine's platform.
 * @throws Fault invalid | denied | no-space | unavailable
 */
export async function openNamedRuntime(flags: RuntimeFlags, log: Logger): Promise<OpenedRuntime> {
  const files = createFileSystem()
  const platform = hostPlatform()
  const containerd = { namespace: flags.containerdNamespace, snapshotter: flags.snapshotter, retain: flags.retain }
  const runtime = await openRuntime(flags.runtime, { files, platform, containerd, log })
  return { runtime, platform, files, [Symbol.asyncDispose]: () => runtime[Symbol.asyncDispose]() }
}
