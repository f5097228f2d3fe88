import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Platform } from '@stowage/mirror/oci/platform'
import { expandEntries } from './expand-entries.ts'
import { installedPackages, type InstalledPackage } from './installed-packages.ts'
import { createLayerCache, type LayerCache } from './layer-cache.ts'
import type { Compression, LayerEntry, LayerSpec } from './layer-spec.ts'
import { makeImage, makeIndex, sizeOf, type MadeImage, type MadeIndex } from './make-image.ts'
import type { MadeLayer } from './make-layer.ts'
import { createOciLayout, type OciLayout } from './oci-layout.ts'
import { randomLayer } from './small-image.ts'

export interface DemoImagesOptions {
  /** The checkout whose packages and sources go into the images. */
  readonly projectDirectory: string
  /** Holds the layout and what is known of it; a second call with the same files takes a second instead of ten. */
  readonly cacheDirectory: string
  /** Default: the platform this runs on. The other one of linux/amd64 and linux/arm64 gets small layers of its own. */
  readonly platform?: Platform
  /** Version 1 has at least so many bytes of layers for `platform`. Default: 105,000,000. */
  readonly targetSize?: number
  /** The binary of the runtime layer. Default: the one that runs this. */
  readonly runtime?: string
  /** Stops the making; when it rejects, nothing is being written any more. */
  readonly signal?: AbortSignal
}

/** Both versions of the demo image; each is an index over two platforms. */
export interface DemoImages {
  readonly layout: OciLayout
  readonly platform: Platform
  readonly v1: DemoImage
  readonly v2: DemoImage
  /** Bytes of version 2 for `platform` that version 1 does not have: what may cross the link when it is rolled out. */
  readonly newInV2: number
}

export interface DemoImage extends MadeIndex {
  /** Its name in index.json, such as `demo:v1`. */
  readonly name: string
  /** The image for the platform that was asked for. */
  readonly wanted: MadeImage
  /** The small image for the other platform, which no node wants. */
  readonly other: MadeImage
}

const compression: Compression = { gzip: 1 }
const rawBytesPerLayer = 40_000_000
const notPacked = new Set(['node_modules', 'dist', 'coverage'])
const sources = ['mirror', 'controller', 'node-agent', 'cli', 'deploy', 'docs', 'test']
const platforms: readonly Platform[] = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
]

/**
 * Makes the two versions of the demo image from what is on this machine: the Node binary, the installed packages and
 * the sources of this project. Version 2 has the runtime and all but the last layer of packages in common with 1.
 */
export async function makeDemoImages({
  projectDirectory,
  cacheDirectory,
  platform = platforms.find(({ architecture }) => architecture === (process.arch === 'arm64' ? 'arm64' : 'amd64'))!,
  targetSize = 105_000_000,
  runtime = process.execPath,
  signal,
}: DemoImagesOptions): Promise<DemoImages> {
  const layout = await createOciLayout(path.join(cacheDirectory, 'layout'), signal ? { signal } : {})
  const cache = createLayerCache({ layout, directory: path.join(cacheDirectory, 'layers') })
  const runtimeLayer = cache.layer({ compression, entries: [{ path: 'usr/local/bin/node', from: { file: runtime } }] })
  const chunks = await packageChunks(await installedPackages(path.join(projectDirectory, 'node_modules')))
  const packageMaking = packageLayers({ cache, runtimeLayer, chunks, targetSize })
  await Promise.allSettled([packageMaking, runtimeLayer]) // Neither goes on alone when the other failed.
  const packages = await packageMaking
  const shared = [await runtimeLayer, ...packages.shared]
  const demoImage = async (version: string, last: MadeLayer): Promise<DemoImage> => {
    const layers = [...shared, last, await cache.layer(sourceLayer(projectDirectory, version))]
    return demoIndex({ layout, platform, version, layers })
  }
  const v1 = await demoImage('v1', packages.v1)
  const v2 = await demoImage('v2', packages.v2)
  return { layout, platform, v1, v2, newInV2: newBytes(v1.wanted, v2.wanted) }
}

interface PackageLayersOptions {
  readonly cache: LayerCache
  readonly runtimeLayer: Promise<MadeLayer>
  readonly chunks: readonly (readonly InstalledPackage[])[]
  readonly targetSize: number
}

/** Packs packages until the image is large enough, while the runtime is packed beside it. */
async function packageLayers({ cache, runtimeLayer, chunks, targetSize }: PackageLayersOptions): Promise<{
  shared: MadeLayer[]
  v1: MadeLayer
  v2: MadeLayer
}> {
  const made: MadeLayer[] = []
  for (const chunk of chunks) {
    made.push(await cache.layer(packageLayer(chunk)))
    // Looking at the runtime only near the end keeps both of them packing at the same time.
    if (sizeOf(made) >= 0.4 * targetSize && sizeOf(made) + (await runtimeLayer).size >= targetSize) break
  }
  const missing = targetSize - sizeOf(made) - (await runtimeLayer).size
  // An installation without development packages is too small; the demo shall run all the same.
  if (missing > 0) made.unshift(await cache.layer(randomLayer(missing, 'instead of packages')))
  const last = chunks[Math.min(made.length, chunks.length) - 1] ?? []
  const v1 = made.pop()!
  return { shared: made, v1, v2: await cache.layer(await upgradedLayer(last)) }
}

function packageLayer(packages: readonly InstalledPackage[]): LayerSpec {
  return {
    compression,
    entries: packages.map(({ name, directory }) => ({
      path: `app/node_modules/${name}`,
      from: { tree: directory, include: isPacked },
    })),
  }
}

/** The same packages, each of another version and with a file more, as after an upgrade that touches few files. */
async function upgradedLayer(packages: readonly InstalledPackage[]): Promise<LayerSpec> {
  const changes = await Promise.all(
    packages.map(async ({ name, directory }): Promise<LayerEntry> => {
      const text = await readFile(path.join(directory, 'package.json'), 'utf8')
      const content = text.replace(/"version":\s*"([^"]*)"/, '"version": "$1-demo.2"')
      return { path: `app/node_modules/${name}/package.json`, from: { content } }
    }),
  )
  const { entries } = packageLayer(packages)
  return { compression, entries: [...entries, ...changes] }
}

function sourceLayer(projectDirectory: string, version: string): LayerSpec {
  return {
    compression,
    entries: [
      ...sources
        .map((room) => ({ room, tree: path.join(projectDirectory, room) }))
        .filter(({ tree }) => existsSync(tree))
        .map(({ room, tree }) => ({ path: `app/${room}`, from: { tree, include: isPacked } })),
      { path: 'app/VERSION', from: { content: `${version}\n` } },
    ],
  }
}

function isPacked(relativePath: string): boolean {
  const name = path.posix.basename(relativePath)
  return !notPacked.has(name) && !name.startsWith('.')
}

/** Groups of neighbours of about `rawBytesPerLayer` each, the last one as small as it comes. */
async function packageChunks(packages: readonly InstalledPackage[]): Promise<InstalledPackage[][]> {
  const chunks: InstalledPackage[][] = [[]]
  let room = rawBytesPerLayer
  for (const found of packages) {
    if (room <= 0) {
      chunks.push([])
      room = rawBytesPerLayer
    }
    chunks.at(-1)!.push(found)
    room -= await treeSize(found.directory)
  }
  return chunks
}

async function treeSize(tree: string): Promise<number> {
  const entries = await expandEntries([{ path: '', from: { tree, include: isPacked } }])
  return entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.size : 0), 0)
}

interface DemoIndexOptions {
  readonly layout: OciLayout
  readonly platform: Platform
  readonly version: string
  readonly layers: readonly MadeLayer[]
}

async function demoIndex({ layout, platform, version, layers }: DemoIndexOptions): Promise<DemoImage> {
  const name = `demo:${version}`
  const config = { Cmd: ['/usr/local/bin/node', '--version'], Labels: { 'org.opencontainers.image.version': version } }
  const otherPlatform = platforms.find(({ architecture }) => architecture !== platform.architecture)!
  const wanted = await makeImage({ layout, platform, layers, config })
  const other = await makeImage({
    layout,
    platform: otherPlatform,
    config,
    layers: [randomLayer(2_000_000, 'other platform'), randomLayer(500_000, `other platform ${version}`)],
  })
  return { ...(await makeIndex(layout, [wanted, other], { name })), name, wanted, other }
}

function newBytes(before: MadeImage, after: MadeImage): number {
  const known = new Set([before.manifest, before.config, ...before.layers].map(({ digest }) => digest))
  return sizeOf([after.manifest, after.config, ...after.layers].filter(({ digest }) => !known.has(digest)))
}
