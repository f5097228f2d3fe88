import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import { isForeignLayerType } from '@stowage/mirror/oci/media-type'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { FileSystem } from '../../files/file-system.ts'
import type { ImageGraph, Runtime, RuntimeImage } from '../runtime.ts'
import { chainIds } from './chain-ids.ts'
import { createContent } from './content.ts'
import { createCri } from './cri.ts'
import { openGrpcChannel } from './grpc-channel.ts'
import { digestNameOf, isCompanion, isIdName, orphansOf, recordsToGo } from './image-names.ts'
import { createImageRecords, type ImageRecord } from './image-records.ts'
import { createImageShapes, isWhole, type Stock } from './image-shape.ts'
import { isInUse } from './in-use.ts'
import { configLabels, isMarked, layerLabels, manifestLabels, markLabel, pinLabel, type Labels } from './labels.ts'
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
}

/** A byte of a compressed layer takes so many on the disk until it is unpacked: itself, and what comes out of it. */
const bytesPerBlobByte = 4
const pieceBytes = 1024 * 1024

/**
 * Puts images into containerd as its own pull does, over its socket: layers as snapshots, named in its image store, seen by
 * the kubelet at once. What is under way is held by a lease for each image, so that a dead agent leaves nothing that its
 * successor does not find. containerd need not be there yet: each verb looks for it.
 */
export function openContainerdRuntime(options: ContainerdRuntimeOptions): Runtime {
  const { socket, namespace, snapshotter, files, platform } = options
  const keepsLayers = options.retain === 'blobs'
  const channel = openGrpcChannel({ socket, metadata: { 'containerd-namespace': namespace } })
  const server = createServer(channel, { namespace, snapshotter })
  const content = createContent(channel)
  const images = createImageRecords(channel)
  const leases = createLeases(channel, snapshotter)
  const snapshots = createSnapshots(channel, snapshotter)
  const shapes = createImageShapes(content, platform)
  const cri = createCri(channel)
  const unpacker = createUnpacker({ content, snapshots, leases, keepsLayers, syncUnpacked })

  async function syncUnpacked(): Promise<void> {
    const { syncsUnpacked, snapshotsDirectory } = await server.facts()
    if (!syncsUnpacked && snapshotsDirectory) await syncFileSystem(snapshotsDirectory)
  }

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

  async function stock(): Promise<Stock> {
    const [all, chains] = await Promise.all([content.all(), snapshots.all()])
    return { content: all, snapshots: chains }
  }

  async function list(): Promise<RuntimeImage[]> {
    const [records, stocked] = await Promise.all([images.all(), stock()])
    const named = records.filter(({ name, target }) => {
      const labels = stocked.content.get(target.digest) ?? {}
      return !isIdName(name) && !isCompanion(name, labels)
    })
    shapes.retain(new Set(named.map(({ target }) => target.digest)))
    const listed: RuntimeImage[] = []
    for (const { name, target, labels } of named) {
      const shape = await shapes.of(target)
      const isOurs = isMarked('name', name, stocked.content.get(target.digest) ?? {})
      if (!shape || !isWhole(shape, stocked, { layers: keepsLayers && isOurs })) continue
      listed.push({ name, digest: target.digest, owned: isOurs && pinLabel in labels })
    }
    return listed
  }

  async function begin(graph: ImageGraph): Promise<Descriptor[]> {
    refuseWhatCannotRun(graph)
    const { root, manifest, config } = graph
    await leases.hold(root.digest)
    const chain = chainIds(config?.diffIds ?? [])
    // Held first and looked for then: what is seen cannot go any more.
    for (const chainId of chain) await leases.holdSnapshot(root.digest, chainId)
    await putDocuments(graph, chain.at(-1))
    const missing = new Map<Digest, Descriptor>()
    for (const [at, layer] of manifest.layers.entries()) {
      const chainId = chain[at]
      if (!keepsLayers && chainId && (await snapshots.has(chainId))) continue
      await leases.holdContent(root.digest, layer.digest)
      if (!(await content.labelsOf(layer.digest))) missing.set(layer.digest, layer)
    }
    return [...missing.values()]
  }

  async function putDocuments(
    { root, documents, manifest, config }: ImageGraph,
    top: Digest | undefined,
  ): Promise<void> {
    const parts = documents.map((document, at) => ({
      document,
      labels: manifestLabels(document, { child: documents[at + 1]?.digest ?? manifest.digest, layers: keepsLayers }),
    }))
    // The lowest first: a label of the root then never speaks of what is not there.
    for (const { document, labels } of parts.toReversed()) await putDocument(root.digest, document, labels)
    if (config) await putDocument(root.digest, config, configLabels(snapshotter, top))
  }

  async function putDocument(
    root: Digest,
    document: { digest: Digest; raw: Uint8Array },
    labels: Labels,
  ): Promise<void> {
    const { digest, raw } = document
    await leases.holdContent(root, digest)
    const there = await content.labelsOf(digest)
    if (!there) {
      const bytes = (offset: number): AsyncIterable<Uint8Array> => piecesOf(raw, offset)
      await content.ingest({ digest, size: raw.length }, { lease: leases.idOf(root), labels, bytes })
    }
    const known = there ?? (await content.labelsOf(digest)) ?? {}
    const lacking = Object.entries(labels).filter(([key, value]) => known[key] !== value)
    await content.label(digest, Object.fromEntries(lacking))
  }

  async function accept(
    graph: ImageGraph,
    { descriptor, path }: { descriptor: Descriptor; path: string },
  ): Promise<void> {
    const { digest } = descriptor
    const at = graph.manifest.layers.findIndex((layer) => layer.digest === digest)
    const diffId = graph.config?.diffIds[at]
    await content.ingest(descriptor, {
      lease: leases.idOf(graph.root.digest),
      labels: diffId ? layerLabels(diffId) : {},
      bytes: (offset) => readFile(files, path, offset),
    })
    const { blobsDirectory } = await server.facts()
    // containerd syncs the blob, but not its name, and ours goes when this resolves.
    if (blobsDirectory) await files.syncDirectory(blobsDirectory).catch(ignoreAbsence)
    // Goes on beside the transfers of the other layers; how it ends is heard when the image is published.
    unpacker.advance(graph).catch(() => {})
  }

  async function publish(name: string, graph: ImageGraph): Promise<void> {
    const { root, config } = graph
    const [missing] = await begin(graph)
    const absent = missing?.digest ?? (await unpacker.advance(graph))
    if (absent) throw new Fault('conflict', `${name}: ${absent} is gone from containerd again`)
    const before = await images.get(name)
    if (before && before.target.digest !== root.digest) await holdNamed(before)
    await nameAndMark(name, root)
    if (config && (await hasCri())) await cri.untilListed(name, config.digest)
    await leases.release(root.digest)
  }

  /** Names by digest are ours if we make them, or if they came with the name that we take over. */
  async function nameAndMark(name: string, root: Pick<Descriptor, 'mediaType' | 'digest' | 'size'>): Promise<void> {
    const byDigest = digestNameOf(name, root.digest)
    const before = await images.get(name)
    const companion = byDigest === undefined ? undefined : await images.get(byDigest)
    const isTheirs = companion !== undefined && before?.target.digest !== root.digest
    const mark = byDigest && !isTheirs ? { [markLabel('companion', byDigest)]: byDigest } : {}
    await content.label(root.digest, { [markLabel('name', name)]: name, ...mark })
    if (byDigest) await images.point(byDigest, root)
    await images.point(name, root)
  }

  async function adopt(name: string): Promise<void> {
    const record = await images.get(name)
    if (!record) throw new Fault('conflict', `${name} is gone from containerd again`)
    await nameAndMark(name, record.target)
  }

  /** What a name means stays until it is collected, whatever becomes of the name. */
  async function holdNamed({ target }: ImageRecord): Promise<void> {
    await leases.hold(target.digest)
    await leases.holdContent(target.digest, target.digest)
  }

  /** Takes our marks off names, wherever they are. */
  async function unmark(names: readonly string[]): Promise<void> {
    const marks = (['name', 'companion'] as const).flatMap((mark) => names.map((name) => ({ mark, name })))
    for (const [digest, labels] of await content.all()) {
      const found = marks.filter(({ mark, name }) => isMarked(mark, name, labels))
      await content.label(digest, Object.fromEntries(found.map(({ mark, name }) => [markLabel(mark, name), ''])))
    }
  }

  async function forget(name: string): Promise<void> {
    const record = await images.get(name)
    const byDigest = record && digestNameOf(name, record.target.digest)
    const labels = record && (await content.labelsOf(record.target.digest))
    const isOurs = byDigest !== undefined && isMarked('companion', byDigest, labels ?? {})
    const names = isOurs ? [name, byDigest] : [name]
    for (const one of names) await images.setPinned(one, false)
    // What came with the name still goes with it, whoever takes it away.
    await unmark([name])
  }

  async function remove(name: string): Promise<'removed' | 'in-use' | 'absent'> {
    const records = await images.all()
    const record = records.find((one) => one.name === name)
    if (!record) {
      await unmark([name])
      return 'absent'
    }
    const shape = await shapes.of(record.target)
    const going = recordsToGo(record, { records, labels: (await content.labelsOf(record.target.digest)) ?? {} })
    if (isInUse({ root: record.target.digest, config: shape?.config }, await usedImages(), records)) {
      for (const one of going) await images.setPinned(one, false)
      return 'in-use'
    }
    await holdNamed(record)
    // The name itself last: until then all of this is done again after a crash.
    for (const one of going.toReversed()) await images.delete(one)
    await unmark(going)
    return 'removed'
  }

  async function usedImages(): Promise<string[]> {
    const { containers } = await channel.call<{ containers?: { image: string }[] }>('Containers/List', {})
    const own = (containers ?? []).map(({ image }) => image)
    return (await hasCri()) ? [...own, ...(await cri.usedImages())] : own
  }

  async function hasCri(): Promise<boolean> {
    return namespace === criNamespace && (await server.facts()).hasCri
  }

  /** Names by digest of what names meant that have moved. */
  async function dropOrphans(): Promise<void> {
    const [records, all] = await Promise.all([images.all(), content.all()])
    for (const [digest, labels] of all) {
      const orphans = orphansOf(digest, { records, labels })
      if (orphans.length === 0) continue
      const [{ target }] = orphans as [ImageRecord]
      if (isInUse({ root: digest, config: (await shapes.of(target))?.config }, await usedImages(), records)) continue
      const going = orphans.flatMap((orphan) => recordsToGo(orphan, { records, labels }))
      for (const name of going.toReversed()) await images.delete(name)
      await unmark(going)
    }
  }

  async function collect(wanted: ReadonlySet<Digest>): Promise<void> {
    await dropOrphans()
    const held = await leases.held()
    if (held.length === 0) return
    const whole = new Set((await list()).map(({ digest }) => digest))
    for (const root of held) if (!wanted.has(root) || whole.has(root)) await leases.release(root)
  }

  return {
    name: `containerd:${socket}`,
    capabilities: { layerForm: 'blob', pin: true, inUse: true, bytesPerBlobByte },
    list: () => asked(list),
    begin: (graph) => asked(() => begin(graph)),
    accept: (graph, blob) => asked(() => accept(graph, blob)),
    publish: (name, graph) => asked(() => publish(name, graph)),
    adopt: (name) => asked(() => adopt(name)),
    forget: (name) => asked(() => forget(name)),
    remove: (name) => asked(() => remove(name)),
    collect: (wanted) => asked(() => collect(wanted)),
    freeBytes: () =>
      asked(async () => {
        const { snapshotsDirectory } = await server.facts()
        return snapshotsDirectory ? await files.freeBytes(snapshotsDirectory) : Number.MAX_SAFE_INTEGER
      }),
    watch: (onChange) => watchEvents(channel, namespace, onChange),

    async [Symbol.asyncDispose]() {
      await unpacker.onIdle()
      channel[Symbol.dispose]()
    },
  }
}

/** @throws Fault invalid */
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

async function* readFile(files: FileSystem, path: string, offset: number): AsyncGenerator<Uint8Array> {
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

function ignoreAbsence(error: unknown): void {
  // containerd may live in another mount namespace, where we cannot reach its files.
  if (!isFault(error, 'not-found') && !isFault(error, 'unavailable') && !isFault(error, 'denied')) throw error
}
