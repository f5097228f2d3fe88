import { join } from 'node:path'
import PQueue from 'p-queue'
import { nameOf } from '@stowage/mirror/edge/set'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import { descriptorOf, parseManifest, type Manifest } from '@stowage/mirror/oci/manifest'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { FileSystem } from '../../files/file-system.ts'
import { readWholeFile, writeWholeFile } from '../../files/whole-file.ts'
import { documentsOf, loadImageGraph } from '../../image-graph.ts'
import type { ImageGraph, Runtime, RuntimeImage } from '../runtime.ts'
import { createLayoutBlobs, incomingDirectory, type LayoutBlobs } from './layout-blobs.ts'
import {
  emptyIndex,
  isOwned,
  parseLayoutIndex,
  splitDead,
  withHold,
  withName,
  withoutName,
  withOwnership,
  type LayoutEntry,
  type LayoutIndex,
} from './layout-index.ts'
import { reachableFrom, refuseDamage } from './reachable.ts'

export interface LayoutRuntimeOptions {
  /** The OCI image layout; made if it is not there. */
  readonly directory: string
  readonly files: FileSystem
  /** What counts as complete: an index need hold no other platform's images. */
  readonly platform: Platform
}

const maxIndexBytes = 16 * 1024 * 1024

/**
 * Opens an OCI image layout (image-spec, image-layout.md) as a place for images. Other tools may read it and add to it:
 * entries and blobs of others are never touched. The runtime sees to its own order; nobody else does so at the same time.
 * @throws Fault invalid (not a layout, or damaged) | denied | no-space | unavailable
 */
export async function openLayoutRuntime({ directory, files, platform }: LayoutRuntimeOptions): Promise<Runtime> {
  const blobs = createLayoutBlobs(directory, files)
  const indexPath = join(directory, 'index.json')
  const turns = new PQueue({ concurrency: 1 })
  await prepare(directory, files)
  await readIndex()

  async function readIndex(): Promise<LayoutIndex> {
    const bytes = await readWholeFile(files, indexPath, maxIndexBytes)
    return bytes ? parseLayoutIndex(bytes.toString(), indexPath) : emptyIndex
  }

  /** Reads, changes and writes at once: the shorter the time between, the less others can do in it. */
  async function changeIndex(change: (index: LayoutIndex) => LayoutIndex): Promise<void> {
    const old = await readIndex()
    const changed = change(old)
    if (JSON.stringify(changed) === JSON.stringify(old)) return
    await writeWholeFile(files, indexPath, Buffer.from(JSON.stringify(changed)))
  }

  async function begin(graph: ImageGraph): Promise<Descriptor[]> {
    await changeIndex((index) => withHold(index, graph.root))
    for (const { digest, raw } of documentsOf(graph)) await blobs.writeDocument(digest, raw)
    return absentOf(graph.blobs, blobs)
  }

  async function publish(name: string, graph: ImageGraph): Promise<void> {
    const parts = [...graph.blobs, ...graph.documents.map(descriptorOf)]
    const [missing] = await absentOf(parts, blobs)
    if (missing) throw new Fault('conflict', `${name}: ${missing.digest} is gone from ${directory} again`)
    await blobs.makeDurable(parts.map(({ digest }) => digest))
    await changeIndex((index) => withName(index, name, graph.root))
  }

  async function adopt(name: string): Promise<void> {
    const entry = (await readIndex()).manifests.find((each) => nameOf(each) === name)
    if (!entry) throw new Fault('conflict', `${name} is gone from ${directory} again`)
    await blobs.makeDurable(await reachableFrom([entry], blobs, refuseDamage))
    await changeIndex((index) => withOwnership(index, name, true))
  }

  async function collect(wanted: ReadonlySet<Digest>): Promise<void> {
    const { dead, rest } = splitDead(await readIndex(), wanted)
    if (dead.length === 0) return
    const kept = new Set(await reachableFrom(rest.manifests, blobs, refuseDamage))
    const reached = await reachableFrom(dead, blobs, () => {
      // What a damaged document of ours reached cannot be told any more; it goes itself.
    })
    await blobs.remove(reached.filter((digest) => !kept.has(digest)))
    await changeIndex((index) => splitDead(index, wanted).rest)
  }

  return {
    name: `layout:${directory}`,
    capabilities: { layerForm: 'blob', pin: false, inUse: false, bytesPerBlobByte: 1 },

    async list() {
      const images = new Map<string, RuntimeImage>()
      for (const entry of (await readIndex()).manifests) {
        const image = await completeImage(entry, blobs, platform)
        if (image && !images.has(image.name)) images.set(image.name, image)
      }
      return [...images.values()]
    },

    async document(digest) {
      const raw = await blobs.readDocument(digest)
      return Buffer.isBuffer(raw) ? raw : undefined
    },

    begin: (graph) => turns.add(() => begin(graph)),
    accept: (_graph, { descriptor, path }) => turns.add(() => blobs.takeOver(descriptor.digest, path)),
    publish: (name, graph) => turns.add(() => publish(name, graph)),
    adopt: (name) => turns.add(() => adopt(name)),
    forget: (name) => turns.add(() => changeIndex((index) => withOwnership(index, name, false))),

    remove: (name) =>
      turns.add(async () => {
        const isThere = (await readIndex()).manifests.some((entry) => nameOf(entry) === name)
        await changeIndex((index) => withoutName(index, name))
        return isThere ? 'removed' : 'absent'
      }),

    collect: (wanted) => turns.add(() => collect(wanted)),
    freeBytes: () => files.freeBytes(directory),
    // Nobody tells of changes to files here: the agent looks now and then.
    watch: () => ({ [Symbol.dispose]: () => {} }),
    [Symbol.asyncDispose]: () => turns.onIdle(),
  }
}

/** Makes a layout of an empty directory, and clears away what a copy left half. */
async function prepare(directory: string, files: FileSystem): Promise<void> {
  await files.makeDirectory(join(directory, 'blobs/sha256'))
  // Whoever wrote here before may have died between giving a name and making it durable.
  for (const path of [directory, join(directory, 'blobs'), join(directory, 'blobs/sha256')]) {
    await files.syncDirectory(path)
  }
  const incoming = incomingDirectory(directory)
  await files.makeDirectory(incoming)
  for (const name of await files.list(incoming)) await files.remove(join(incoming, name))
  const marker = join(directory, 'oci-layout')
  const text = (await readWholeFile(files, marker, 4096))?.toString()
  if (text === undefined) await writeWholeFile(files, marker, Buffer.from('{"imageLayoutVersion":"1.0.0"}'))
  else if (!/"imageLayoutVersion"\s*:\s*"1\./.test(text)) {
    throw new Fault(
      'invalid',
      `${marker} does not speak of an OCI image layout of version 1; is this the right directory?`,
    )
  }
  if ((await files.sizeOf(join(directory, 'index.json'))) !== undefined) return
  await writeWholeFile(files, join(directory, 'index.json'), Buffer.from(JSON.stringify(emptyIndex)))
}

async function absentOf(descriptors: readonly Descriptor[], blobs: LayoutBlobs): Promise<Descriptor[]> {
  const absent: Descriptor[] = []
  for (const descriptor of descriptors) if (!(await blobs.has(descriptor))) absent.push(descriptor)
  return absent
}

async function completeImage(
  entry: LayoutEntry,
  blobs: LayoutBlobs,
  platform: Platform,
): Promise<RuntimeImage | undefined> {
  const name = nameOf(entry)
  if (name === undefined) return undefined
  try {
    const graph = await loadImageGraph(entry, { platform, read: (document) => readManifest(document, blobs) })
    if ((await absentOf(graph.blobs, blobs)).length > 0) return undefined
  } catch (error) {
    if (isFault(error, 'not-found') || isFault(error, 'invalid') || isFault(error, 'corrupt')) return undefined
    throw error
  }
  return { name, digest: entry.digest, owned: isOwned(entry) }
}

async function readManifest({ digest, mediaType }: Descriptor, blobs: LayoutBlobs): Promise<Manifest> {
  const raw = await blobs.readDocument(digest)
  if (!Buffer.isBuffer(raw)) throw new Fault('not-found', `${digest} is not in the layout, or not as it should be`)
  return parseManifest(raw, { digest, mediaType })
}
