import { open } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { projectDirectory } from '../../test/harness/project-directory.ts'
import { expandEntries } from '../../test/image-maker/expand-entries.ts'
import type { LayerEntry } from '../../test/image-maker/layer-spec.ts'
import { tarOf } from '../../test/image-maker/tar-of.ts'
import type { Architecture } from './architecture.ts'
import { ownFiles } from './own-files.ts'
import { packedFiles } from './packed-files.ts'
import type { OwnPackage, StagedProject } from './stage-project.ts'

export interface ArchiveOptions {
  readonly architecture: Architecture
  readonly project: StagedProject
  readonly packages: readonly OwnPackage[]
  readonly version: string
}

const systemd = path.join(projectDirectory, 'deploy/systemd')

/**
 * Writes the archive for a node without a container for the agent: what npm would install, and a script that brings it
 * into place for systemd. The same files give the same bytes.
 */
export async function makeArchive(file: string, options: ArchiveOptions): Promise<void> {
  const { architecture, project, packages, version } = options
  const at = (name: string): string => `stowage-${version}/${name}`
  const runtime = (name: string): LayerEntry => ({
    path: at(`node_modules/${architecture.runtimePackage}/${name}`),
    from: { file: path.join(project.nodeModules, architecture.runtimePackage, name) },
  })
  const dependencies = await packedFiles(project.nodeModules, architecture.cpu)
  const entries: LayerEntry[] = [
    ...dependencies.map((name) => ({
      path: at(`node_modules/${name}`),
      from: { file: path.join(project.nodeModules, name) },
    })),
    ...['bin/node', 'LICENSE', 'package.json'].map(runtime),
    ...packages.flatMap((own) => ownFiles(own, at('node_modules'))),
    {
      path: at('node_modules/stowage/bin/stowage'),
      from: { file: path.join(projectDirectory, 'cli/bin/stowage') },
      mode: 0o755,
    },
    { path: at('install.sh'), from: { file: path.join(systemd, 'install.sh') }, mode: 0o755 },
    { path: at('stowage-agent.service'), from: { file: path.join(systemd, 'stowage-agent.service') } },
    { path: at('VERSION'), from: { content: `${version}\n` } },
  ]
  await using handle = await open(file, 'w')
  await pipeline(tarOf(await expandEntries(entries)), createGzip({ level: 6 }), handle.createWriteStream())
}
