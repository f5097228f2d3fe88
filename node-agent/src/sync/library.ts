import type { ContentSource } from '@stowage/mirror/content'
import { parseSet, setRepository, type DesiredImage, type DesiredSet } from '@stowage/mirror/edge/set'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { verified, type Digest } from '@stowage/mirror/oci/digest'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import { parseImageConfig, type ImageConfig } from '@stowage/mirror/oci/image-config'
import { parseManifest, type Manifest } from '@stowage/mirror/oci/manifest'
import type { Platform } from '@stowage/mirror/oci/platform'
import { mirrorRepositoryOf, parseReference } from '@stowage/mirror/oci/reference'
import { documentsOf, loadImageGraph } from '../image-graph.ts'
import type { ImageGraph, Runtime } from '../runtime/runtime.ts'
import type { DocumentStore } from '../transfer/document-store.ts'

/** What sets and images consist of: what was read once is known without a link. */
export interface Library {
  /** Those of these sets that were learnt and are sets. */
  setsAtHand(digests: Iterable<Digest | null>): Promise<Map<Digest, DesiredSet>>
  /** Undefined if it was not learnt yet. @throws Fault invalid: nothing in it for this platform */
  graph(root: Descriptor): Promise<ImageGraph | undefined>
  /** By root digest: those of these images that were learnt and have something in them for this platform. */
  graphsAtHand(images: readonly DesiredImage[]): Promise<Map<Digest, ImageGraph>>
  /** @throws Fault not-found | denied | unavailable | corrupt | invalid */
  learnSet(digest: Digest, signal: AbortSignal): Promise<void>
  /** @throws Fault not-found | denied | unavailable | corrupt | invalid */
  learnImage(image: DesiredImage, signal: AbortSignal): Promise<void>
  /** Forgets all but what these need. */
  retain(sets: Iterable<Digest>, graphs: Iterable<ImageGraph>): Promise<void>
}

export interface LibraryOptions {
  readonly documents: DocumentStore
  readonly source: ContentSource
  /** What it has already need not be fetched. */
  readonly runtime: Pick<Runtime, 'document'>
  readonly platform: Platform
  /** How long the source may take for one document, in milliseconds. */
  readonly documentTimeoutMs: number
}

interface Reading<Document> {
  readonly parse: (raw: Uint8Array) => Document
  readonly fetch: (signal: AbortSignal) => Promise<Document>
  readonly signal: AbortSignal
}

/** Where an image lies in the centre and in a bundle. @throws Fault invalid */
export function repositoryOf({ name }: DesiredImage): string {
  return mirrorRepositoryOf(parseReference(name))
}

export function createLibrary(options: LibraryOptions): Library {
  const { documents, source, runtime, platform, documentTimeoutMs } = options
  const graphs = new Map<Digest, ImageGraph>()

  async function rawHere({ digest }: Pick<Descriptor, 'digest'>): Promise<Uint8Array> {
    const raw = await documents.get(digest)
    if (!raw) throw new Fault('not-found', `${digest} was not read yet`)
    return raw
  }

  async function setHere(digest: Digest): Promise<DesiredSet | undefined> {
    const raw = await documents.get(digest)
    try {
      return raw && parseSet(raw, { digest })
    } catch (error) {
      // A set that is none is as good as unknown; learning it again says so in words.
      if (isFault(error)) return undefined
      throw error
    }
  }

  /** Reads a document here, or else in the runtime, or else there; then it is here. */
  async function read<Document extends { readonly raw: Uint8Array; readonly digest: Digest }>(
    { digest }: Pick<Descriptor, 'digest'>,
    { parse, fetch, signal }: Reading<Document>,
  ): Promise<Document> {
    const known = await documents.get(digest)
    if (known) return parse(known)
    const raw = await runtime.document(digest)
    if (raw) {
      await documents.put({ digest, raw })
      return parse(raw)
    }
    const deadline = AbortSignal.timeout(documentTimeoutMs)
    try {
      const document = await fetch(AbortSignal.any([signal, deadline]))
      await documents.put(document)
      return document
    } catch (cause) {
      if (signal.aborted || !deadline.aborted) throw cause
      throw new Fault('unavailable', `${digest} did not come within ${documentTimeoutMs / 1000} s`, { cause })
    }
  }

  function readManifest(repository: string, digest: Digest, signal: AbortSignal): Promise<Manifest> {
    return read(
      { digest },
      {
        parse: (raw) => parseManifest(raw, { digest }),
        fetch: (either) => source.manifest(repository, digest, { signal: either }),
        signal,
      },
    )
  }

  function readConfig(repository: string, config: Descriptor, signal: AbortSignal): Promise<ImageConfig> {
    return read(config, {
      parse: (raw) => parseImageConfig(raw, config.digest),
      async fetch(either) {
        const chunks = verified(await source.blob(repository, config, { signal: either }), config)
        return parseImageConfig(Buffer.concat(await Array.fromAsync(chunks)), config.digest)
      },
      signal,
    })
  }

  async function graphOf(root: Descriptor): Promise<ImageGraph | undefined> {
    const known = graphs.get(root.digest)
    if (known) return known
    try {
      const graph = await loadImageGraph(root, {
        platform,
        read: async ({ digest }) => parseManifest(await rawHere({ digest }), { digest }),
        readConfig: async ({ digest }) => parseImageConfig(await rawHere({ digest }), digest),
      })
      graphs.set(root.digest, graph)
      return graph
    } catch (error) {
      if (isFault(error, 'not-found')) return undefined
      throw error
    }
  }

  return {
    async setsAtHand(digests) {
      const sets = new Map<Digest, DesiredSet>()
      for (const digest of new Set(digests)) {
        const set = digest === null ? undefined : await setHere(digest)
        if (digest !== null && set) sets.set(digest, set)
      }
      return sets
    },

    graph: graphOf,

    async graphsAtHand(images) {
      const found = new Map<Digest, ImageGraph>()
      for (const { root } of images) {
        const graph = await graphOf(root).catch((error: unknown) => {
          // Learning it again says so in words.
          if (!isFault(error)) throw error
        })
        if (graph) found.set(root.digest, graph)
      }
      return found
    },

    async learnSet(digest, signal) {
      const { raw } = await readManifest(setRepository, digest, signal)
      parseSet(raw, { digest })
    },

    async learnImage(image, signal) {
      const repository = repositoryOf(image)
      const graph = await loadImageGraph(image.root, {
        platform,
        read: ({ digest }) => readManifest(repository, digest, signal),
        readConfig: (config) => readConfig(repository, config, signal),
      })
      graphs.set(image.root.digest, graph)
    },

    async retain(sets, wanted) {
      const kept = [...wanted]
      const roots = new Set(kept.map(({ root }) => root.digest))
      for (const digest of graphs.keys()) if (!roots.has(digest)) graphs.delete(digest)
      const needed = kept.flatMap((graph) => documentsOf(graph).map(({ digest }) => digest))
      await documents.retain(new Set([...sets, ...needed]))
    },
  }
}
