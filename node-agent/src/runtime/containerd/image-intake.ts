import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import { isForeignLayerType } from '@stowage/mirror/oci/media-type'
import type { FileSystem } from '../../files/file-system.ts'
import type { ArrivedBlob, ImageGraph } from '../runtime.ts'
import { chainIds } from './chain-ids.ts'
import type { Content } from './content.ts'
import { configLabels, layerLabels, manifestLabels, type Labels } from './labels.ts'
import type { Hold, Leases } from './leases.ts'
import type { Snapshots } from './snapshots.ts'

/** Takes the parts of images in, held by a lease for each root until the image is named. */
export interface ImageIntake {
  /**
   * Holds what is there of an image, puts manifests and configuration there, and says which layers are missing.
   * @throws Fault invalid: containerd could not run it
   */
  begin(graph: ImageGraph): Promise<Descriptor[]>
  /** Puts a layer there; durable when it resolves. */
  accept(graph: ImageGraph, blob: ArrivedBlob): Promise<void>
}

export interface ImageIntakeOptions {
  readonly content: Content
  readonly snapshots: Snapshots
  readonly leases: Leases
  readonly files: FileSystem
  readonly snapshotter: string
  /** Layers stay in the content store when they are unpacked. */
  readonly keepsLayers: boolean
  /** Where containerd keeps blobs, as far as that is known. */
  readonly blobsDirectory: () => Promise<string | undefined>
}

/** Larger ones are hardly faster, as containerd answers each, but their copies make the agent twice as large. */
const pieceBytes = 256 * 1024

export function createImageIntake(options: ImageIntakeOptions): ImageIntake {
  const { content, snapshots, leases, files, snapshotter, keepsLayers, blobsDirectory } = options

  async function putDocuments({ documents, config }: ImageGraph, top: Digest | undefined, hold: Hold): Promise<void> {
    if (config) await putDocument(config, configLabels(snapshotter, top), hold)
    // The lowest first: the labels of an index never speak of what is not there.
    for (const [at, document] of [...documents.entries()].toReversed()) {
      const child = documents[at + 1]?.digest
      await putDocument(document, manifestLabels(document, { child, layers: keepsLayers }), hold)
    }
  }

  async function putDocument({ digest, raw }: Document, labels: Labels, hold: Hold): Promise<void> {
    await hold.content(digest)
    if (!(await isThere({ digest, raw }))) {
      const bytes = (offset: number): AsyncIterable<Uint8Array> => piecesOf(raw, offset)
      await content.ingest({ digest, size: raw.length }, { lease: hold.lease, labels, bytes })
    }
    // Others may have brought it, with other labels or none.
    const known = (await content.labelsOf(digest)) ?? {}
    const lacking = Object.entries(labels).filter(([key, value]) => known[key] !== value)
    await content.label(digest, Object.fromEntries(lacking))
  }

  /** What a power cut left of it is dropped: containerd knows names of files whose content it never wrote. */
  async function isThere({ digest, raw }: Document): Promise<boolean> {
    if (!(await content.labelsOf(digest))) return false
    const there = await content.read(digest, raw.length)
    if (there && Buffer.compare(there, raw) === 0) return true
    await content.delete(digest)
    await leases.clearAway()
    return false
  }

  /** Its content may be gone then. */
  async function isUnpacked({ chainId }: Layer): Promise<boolean> {
    return !keepsLayers && (await snapshots.has(chainId))
  }

  /** Asked in this order, as layers are unpacked meanwhile: their content goes when the snapshot is there, not before. */
  async function isHere(layer: Layer): Promise<boolean> {
    return (await content.labelsOf(layer.descriptor.digest)) !== undefined || (await isUnpacked(layer))
  }

  return {
    async begin(graph) {
      refuseWhatCannotRun(graph)
      const hold = await leases.hold(graph.root.digest)
      const layers = layersOf(graph)
      // Held first and looked for then: what is seen cannot go any more.
      for (const { chainId } of layers) await hold.snapshot(chainId)
      const packed: Layer[] = []
      for (const layer of layers) if (!(await isUnpacked(layer))) packed.push(layer)
      for (const { descriptor } of packed) await hold.content(descriptor.digest)
      await putDocuments(graph, layers.at(-1)?.chainId, hold)
      const missing = new Map<Digest, Descriptor>()
      for (const layer of packed) if (!(await isHere(layer))) missing.set(layer.descriptor.digest, layer.descriptor)
      return [...missing.values()]
    },

    async accept({ root, manifest, config }, { descriptor, path }) {
      // Its image may have been given up meanwhile, while another one waits for this blob.
      const { lease } = await leases.hold(root.digest)
      const diffId = config?.diffIds[manifest.layers.findIndex(({ digest }) => digest === descriptor.digest)]
      await content.ingest(descriptor, {
        lease,
        labels: diffId ? layerLabels(diffId) : {},
        bytes: (offset) => readPieces(files, path, offset),
      })
      // containerd syncs the blob but not its name, and the agent's file goes when this resolves.
      const directory = await blobsDirectory()
      if (directory) await files.syncDirectory(directory).catch(unlessOutOfReach)
    },
  }
}

interface Layer {
  readonly descriptor: Descriptor
  readonly chainId: Digest
}

/** Of an image that containerd could run. */
function layersOf({ manifest, config }: ImageGraph): Layer[] {
  return chainIds(config?.diffIds ?? []).flatMap((chainId, at) => {
    const descriptor = manifest.layers[at]
    return descriptor ? [{ descriptor, chainId }] : []
  })
}

interface Document {
  readonly digest: Digest
  readonly raw: Uint8Array
}

function refuseWhatCannotRun({ root, manifest, config }: ImageGraph): void {
  if (!config) {
    throw new Fault(
      'invalid',
      `${root.digest} is no container image (its configuration is ${manifest.config.mediaType}): containerd cannot unpack it`,
    )
  }
  if (config.diffIds.length !== manifest.layers.length) {
    throw new Fault(
      'invalid',
      `${root.digest} has ${manifest.layers.length} layers, but its configuration speaks of ${config.diffIds.length}`,
    )
  }
  const foreign = manifest.layers.find(({ mediaType }) => isForeignLayerType(mediaType))
  if (foreign) throw new Fault('invalid', `${root.digest} has a layer that is not in registries: ${foreign.digest}`)
}

async function* piecesOf(raw: Uint8Array, offset: number): AsyncGenerator<Uint8Array> {
  for (let at = offset; at < raw.length; at += pieceBytes) yield raw.subarray(at, at + pieceBytes)
}

async function* readPieces(files: FileSystem, path: string, offset: number): AsyncGenerator<Uint8Array> {
  await using file = await files.openForReading(path)
  if (!file) throw new Fault('conflict', `${path} is gone`)
  const buffer = Buffer.allocUnsafeSlow(pieceBytes)
  for (let at = offset; ;) {
    const length = await file.read(buffer, at)
    if (length === 0) return
    yield buffer.subarray(0, length)
    at += length
  }
}

/** containerd may live where we cannot see its files. */
function unlessOutOfReach(error: unknown): void {
  if (!isFault(error, 'not-found') && !isFault(error, 'unavailable') && !isFault(error, 'denied')) throw error
}
