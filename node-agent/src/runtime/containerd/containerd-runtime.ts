import type { Logger } from 'pino'
import { algorithmOf, digestOf, type Digest } from '@stowage/mirror/oci/digest'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import { maxManifestSize } from '@stowage/mirror/oci/manifest'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { FileSystem } from '../../files/file-system.ts'
import type { Hold, ImageGraph, Runtime, RuntimeImage } from '../runtime.ts'
import { createContent } from './content.ts'
import { createCri } from './cri.ts'
import { openGrpcChannel } from './grpc-channel.ts'
import { createImageIntake } from './image-intake.ts'
import { isCompanion, isIdName } from './image-names.ts'
import { createImageNaming } from './image-naming.ts'
import { createImageRecords } from './image-records.ts'
import { createImageShapes, isWhole } from './image-shape.ts'
import type { UsedImage } from './in-use.ts'
import { isMarked, pinLabel } from './labels.ts'
import { createLeases } from './leases.ts'
import { criNamespace } from './server-facts.ts'
import { createServer } from './server.ts'
import { createSnapshots } from './snapshots.ts'
import { syncFileSystem } from './sync-file-system.ts'
import { createUnpacker } from './unpacker.ts'
import { watchEvents } from './watch-events.ts'

export interface ContainerdRuntimeOptions {
  /** Path of its socket. */
  readonly socket: string
  /** `k8s.io` is the kubelet's. */
  readonly namespace: string
  readonly snapshotter: string
  /** Whether layers stay in the content store, compressed, besides what was unpacked. */
  readonly retain: 'none' | 'blobs'
  readonly files: FileSystem
  readonly platform: Platform
  readonly log: Logger
}

/** A byte of a compressed layer takes so many on the disk until it is unpacked: itself, and what comes out of it. */
const bytesPerBlobByte = 4
const pinnedHold: Hold = { pin: true }

/**
 * Puts images into containerd as its own pull does, over its socket: layers as snapshots, named in its image store, seen by
 * the kubelet at once. What is under way is held by a lease for each image, so that a dead agent leaves nothing that its
 * successor does not find. containerd need not be there yet: each verb looks for it.
 */
export function openContainerdRuntime(options: ContainerdRuntimeOptions): Runtime {
  const { socket, namespace, snapshotter, files, platform } = options
  const keepsLayers = options.retain === 'blobs'
  const channel = openGrpcChannel({ socket, metadata: { 'containerd-namespace': namespace } })
  const server = createServer(channel, { namespace, snapshotter }, options.log)
  const content = createContent(channel)
  const images = createImageRecords(channel)
  const leases = createLeases(channel, snapshotter)
  const snapshots = createSnapshots(channel, snapshotter)
  const shapes = createImageShapes(content, platform)
  const cri = createCri(channel)
  const blobsDirectory = async (): Promise<string | undefined> => (await server.facts()).blobsDirectory
  const intake = createImageIntake({ content, snapshots, leases, files, snapshotter, keepsLayers, blobsDirectory })
  const naming = createImageNaming({ content, images, leases, shapes, usedImages })
  const unpacker = createUnpacker({ content, snapshots, leases, keepsLayers, syncUnpacked })

  /** Every verb begins by looking at who is there. */
  async function asked<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    try {
      await server.facts()
      return await work()
    } catch (error) {
      if (isFault(error, 'unavailable') || isFault(error, 'denied')) server.forget()
      throw error
    }
  }

  async function syncUnpacked(): Promise<void> {
    const { syncsUnpacked, snapshotsDirectory } = await server.facts()
    if (!syncsUnpacked && snapshotsDirectory) await syncFileSystem(snapshotsDirectory)
  }

  async function freeBytesOf(directory: string): Promise<number> {
    try {
      return await files.freeBytes(directory)
    } catch (cause) {
      if (!isFault(cause)) throw cause
      const remedy = 'run the agent where it can; in a container, mount that directory into it at the same path'
      throw new Fault(cause.code, `containerd unpacks into ${directory}, which the agent cannot see: ${remedy}`, {
        cause,
      })
    }
  }

  async function hasCri(): Promise<boolean> {
    return namespace === criNamespace && (await server.facts()).hasCri
  }

  async function usedImages(): Promise<UsedImage[]> {
    const { containers } = await channel.call<{ containers: { image: string }[] }>('Containers/List', {})
    const own = containers.map(({ image }) => image)
    return (await hasCri()) ? [...own, ...(await cri.usedImages())] : own
  }

  async function list(): Promise<RuntimeImage[]> {
    // The names first: what they mean was there before them.
    const records = await images.all()
    const [contents, chains] = await Promise.all([content.all(), snapshots.all()])
    shapes.retain(new Set(records.map(({ target }) => target.digest)))
    const listed: RuntimeImage[] = []
    for (const { name, target, labels } of records) {
      const marks = contents.get(target.digest) ?? {}
      if (isIdName(name) || isCompanion(name, marks)) continue
      const shape = await shapes.of(target)
      const isOurs = isMarked('name', name, marks)
      const needs = { layers: keepsLayers && isOurs }
      if (!shape || !isWhole(shape, { content: contents, snapshots: chains }, needs)) continue
      listed.push({ name, digest: target.digest, owned: isOurs, pinned: pinLabel in labels })
    }
    return listed
  }

  async function publish(name: string, graph: ImageGraph, hold: Hold): Promise<void> {
    const { root, config } = graph
    await leases.hold(root.digest)
    const absent = (await unpacker.advance(graph)) ?? (await intake.begin(graph))[0]?.digest
    if (absent) throw new Fault('conflict', `${name}: ${absent} is gone from containerd again`)
    await naming.point(name, root, hold)
    if (config && (await hasCri())) await cri.untilListed(name, config.digest)
    await leases.release(root.digest)
  }

  async function collect(wanted: ReadonlySet<Digest>): Promise<void> {
    await naming.dropOrphans()
    const held = await leases.held()
    if (held.length === 0) return
    const whole = new Set((await list()).map(({ digest }) => digest))
    for (const root of held) if (!wanted.has(root) || whole.has(root)) await leases.release(root)
  }

  return {
    name: `containerd:${socket}`,
    capabilities: { layerForm: 'blob', pin: true, inUse: true, bytesPerBlobByte },
    list: () => asked(list),
    document: (digest) =>
      asked(async () => {
        const raw = await content.read(digest, maxManifestSize)
        return raw && digestOf(raw, algorithmOf(digest)) === digest ? raw : undefined
      }),

    begin: (graph) => asked(() => intake.begin(graph)),

    accept: (graph, blob) =>
      asked(async () => {
        await intake.accept(graph, blob)
        // Goes on beside the transfers of the other layers; how it ends is heard when the image is published.
        unpacker.advance(graph).catch(() => {})
      }),

    publish: (name, graph, hold = pinnedHold) => asked(() => publish(name, graph, hold)),
    adopt: (name, hold = pinnedHold) => asked(() => naming.adopt(name, hold)),
    forget: (name) => asked(() => naming.forget(name)),
    remove: (name) => asked(() => naming.remove(name)),
    collect: (wanted) => asked(() => collect(wanted)),

    freeBytes: () =>
      asked(async () => {
        const { snapshotsDirectory } = await server.facts()
        return snapshotsDirectory ? await freeBytesOf(snapshotsDirectory) : Number.MAX_SAFE_INTEGER
      }),

    watch: (onChange) => watchEvents(channel, namespace, onChange),

    async [Symbol.asyncDispose]() {
      await unpacker.onIdle()
      channel[Symbol.dispose]()
    },
  }
}
