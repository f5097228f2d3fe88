import path from 'node:path'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Platform } from '@stowage/mirror/oci/platform'
import { projectDirectory } from '../harness/project-directory.ts'
import { pushLayout } from '../harness/push-layout.ts'
import { makeDemoImages } from '../image-maker/demo-images.ts'
import { createOciLayout, type OciLayout } from '../image-maker/oci-layout.ts'
import { smallImage } from '../image-maker/small-image.ts'
import { formatBytes, formatDuration } from 'stowage/print/format'
import type { DemoSize } from './demo-options.ts'
import type { DemoSource, WishedImage } from './demo-source.ts'
import { listeningUrl } from './listening-url.ts'
import type { Stage } from './stage.ts'

/** Kept between runs: packing 100 MB takes longer than anything else before the links. */
const cacheDirectory = path.join(projectDirectory, '.cache/demo')

/** What lies in a layout and is to be pushed. */
interface MadeVersions {
  readonly layout: OciLayout
  readonly v1: Descriptor
  readonly v2: Descriptor
  /** Bytes of version 1 for this machine, and those of version 2 that version 1 does not have. */
  readonly size: number
  readonly newInV2: number
}

/** Makes two versions of an image and a small one on this machine, and serves them from a source registry of our own. */
export async function makeSource(
  stage: Stage,
  { size, platform }: { size: DemoSize; platform: Platform },
): Promise<DemoSource> {
  const startedAt = performance.now()
  if (size === 'full')
    stage.screen.say('Images are made from files of this machine: Node.js, the packages, the sources')
  const made = await (size === 'full' ? fullVersions : smallVersions)(stage, platform)
  const tools = await smallImage(made.layout, { seed: 'scanner', layerSizes: scannerLayers[size], platform })
  const kept = size === 'full' ? ', kept in .cache/demo' : ''
  const took = `${formatDuration(performance.now() - startedAt)}${kept}`
  stage.screen.say(
    `demo:v1 has ${formatBytes(made.size)}, of which demo:v2 changes ${formatBytes(made.newInV2)}; ` +
      `scanner:v1 has ${formatBytes(tools.size)}; made in ${took}`,
  )

  const registry = await startRegistry(stage)
  const push = async (repository: string, tag: string, target: Descriptor): Promise<WishedImage> => {
    await pushLayout({ layout: made.layout, target, registry, repository, tag, signal: stage.signal })
    const reference = `${new URL(registry).host}/${repository}:${tag}`
    const { os, architecture } = platform
    const expected = { name: reference, root: target.digest, os, architecture }
    return { reference, label: `${repository}:${tag}`, expected }
  }
  return {
    v1: await push('demo', 'v1', made.v1),
    v2: await push('demo', 'v2', made.v2),
    onLand: await push('scanner', 'v1', tools.manifest),
  }
}

const scannerLayers: Readonly<Record<DemoSize, readonly number[]>> = {
  full: [2_500_000, 500_000],
  small: [40_000, 10_000],
}

async function fullVersions({ signal }: Stage, platform: Platform): Promise<MadeVersions> {
  const { layout, v1, v2, newInV2 } = await makeDemoImages({ projectDirectory, cacheDirectory, platform, signal })
  return { layout, v1: v1.index, v2: v2.index, size: v1.wanted.size, newInV2 }
}

async function smallVersions({ directory, signal }: Stage, platform: Platform): Promise<MadeVersions> {
  const layout = await createOciLayout(path.join(directory.path, 'made'), { signal })
  const v1 = await smallImage(layout, { seed: 'demo', layerSizes: [2_500_000, 1_500_000, 60_000], platform })
  const v2 = await smallImage(layout, { seed: 'demo', layerSizes: [2_500_000, 1_500_000, 600_000], platform })
  return { layout, v1: v1.manifest, v2: v2.manifest, size: v1.size, newInV2: v2.layers.at(-1)!.size }
}

/** The registry of the vendor, so to say: our own mirror, where the centre finds the images. */
async function startRegistry(stage: Stage): Promise<string> {
  const data = path.join(stage.directory.path, 'source')
  const registry = stage.start('source', ['mirror', '--data', data, '--listen', '127.0.0.1:0'])
  return listeningUrl(registry.program)
}
