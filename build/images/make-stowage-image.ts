import path from 'node:path'
import type { LayerEntry } from '../../test/image-maker/layer-spec.ts'
import { makeImage, type MadeImage, type RunConfig } from '../../test/image-maker/make-image.ts'
import type { OciLayout } from '../../test/image-maker/oci-layout.ts'
import type { Architecture } from './architecture.ts'
import { debianFiles } from './debian-files.ts'
import { ownFiles } from './own-files.ts'
import { packedFiles } from './packed-files.ts'
import type { OwnPackage, StagedProject } from './stage-project.ts'

export interface StowageImageOptions {
  readonly layout: OciLayout
  readonly architecture: Architecture
  readonly project: StagedProject
  readonly packages: readonly OwnPackage[]
  /** For what is unpacked on the way. */
  readonly directory: string
}

/** Who runs in the container unless it is told otherwise; nothing in the image belongs to it. */
const user = 65532
const inImage = 'usr/lib/stowage/node_modules'

/** The image of one architecture, what changes least often at the bottom: system, Node, dependencies, Stowage. */
export async function makeStowageImage(options: StowageImageOptions): Promise<MadeImage> {
  const { layout, architecture, project, packages, directory } = options
  const runtime = path.join(project.nodeModules, architecture.runtimePackage)
  const node = path.join(runtime, 'bin/node')
  const dependencies = await packedFiles(project.nodeModules, architecture.cpu)
  const natives = dependencies.filter((file) => file.endsWith('.node'))
  const runs = [node, ...natives.map((file) => path.join(project.nodeModules, file))]
  const system = await debianFiles({ directory, architecture, runs })
  const layers: [says: string, entries: readonly LayerEntry[]][] = [
    ['system', [...system, ...accounts]],
    [
      'Node.js',
      [
        { path: 'usr/bin/node', from: { file: node } },
        { path: 'usr/share/doc/nodejs/LICENSE', from: { file: path.join(runtime, 'LICENSE') } },
      ],
    ],
    [
      'dependencies',
      dependencies.map((file) => ({
        path: `${inImage}/${file}`,
        from: { file: path.join(project.nodeModules, file) },
        mode: 0o644,
      })),
    ],
    ['Stowage', [...packages.flatMap((own) => ownFiles(own, inImage)), launcher]],
  ]
  return makeImage({
    layout,
    platform: { os: 'linux', architecture: architecture.name },
    layers: layers.map(([, entries]) => ({ entries, compression: { gzip: 6 } })),
    history: layers.map(([says]) => says),
    config: configOf(packages),
  })
}

function configOf(packages: readonly OwnPackage[]): RunConfig {
  return {
    User: `${user}:${user}`,
    Entrypoint: ['/usr/bin/stowage'],
    Env: [
      'PATH=/usr/bin',
      'HOME=/nonexistent',
      'SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt',
      'NODE_ENV=production',
    ],
    Labels: {
      'org.opencontainers.image.title': 'Stowage',
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': packages.find(({ name }) => name === 'stowage')!.version,
    },
  }
}

const launcher: LayerEntry = {
  path: 'usr/bin/stowage',
  from: { file: path.join(import.meta.dirname, 'launcher.js') },
  mode: 0o755,
}

/** Names for who runs here, and the order in which names of hosts are looked up. */
const accounts: readonly LayerEntry[] = [
  {
    path: 'etc/passwd',
    from: {
      content: `root:x:0:0:root:/:/sbin/nologin\nstowage:x:${user}:${user}:Stowage:/nonexistent:/sbin/nologin\n`,
    },
  },
  { path: 'etc/group', from: { content: `root:x:0:\nstowage:x:${user}:\n` } },
  { path: 'etc/nsswitch.conf', from: { content: 'passwd: files\ngroup: files\nhosts: files dns\n' } },
]
