import type { ContentSource } from '@stowage/mirror/content'
import { parseSet, setRepository, type DesiredImage, type DesiredSet } from '@stowage/mirror/edge/set'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import type { Manifest } from '@stowage/mirror/oci/manifest'
import type { Platform } from '@stowage/mirror/oci/platform'
import { mirrorRepositoryOf, parseReference } from '@stowage/mirror/oci/reference'
import { loadImageGraph } from '../image-graph.ts'
import type { ImageGraph } from '../runtime/runtime.ts'
import type { DocumentStore } from '../transfer/document-store.ts'

/** What sets and images consist of: what was read once is known without a link. */
export interface Library {
  /** Those of these sets that were learnt and are sets. */
  setsAtHand(digests: Iterable<Digest | null>): Promise<Map<Digest, DesiredSet>>
  /** Undefined if it was not learnt yet. @throws Fault invalid: nothing in it for this platform */
  graph(root: Descriptor): Promise<ImageGraph | undefined>
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
  readonly platform: Platform
  /** How long the source may take for one document, in milliseconds. */
  readonly documentTimeoutMs: number
}

/** Where an image lies in the centre and in a bundle. @throws Fault invalid */
export function repositoryOf({ name }: DesiredImage): string {
  return mirrorRepositoryOf(parseReference(name))
}

export function createLibrary({ documents, source, platform, documentTimeoutMs }: LibraryOptions): Library {
  const graphs = new Map<Digest, ImageGraph>()

  async function readHere({ digest }: Descriptor): Promise<Manifest> {
    const document = await documents.get(digest)
    if (!document) throw new Fault('not-found', `${digest} was not read yet`)
    return document
  }

  async function setHere(digest: Digest): Promise<DesiredSet | undefined> {
    const document = await documents.get(digest)
    try {
      return document && parseSet(document.raw, { digest })
    } catch (error) {
      // A set that is none is as good as unknown; learning it again says so in words.
      if (isFault(error)) return undefined
      throw error
    }
  }

  async function read(repository: string, digest: Digest, signal: AbortSignal): Promise<Manifest> {
    const known = await documents.get(digest)
    if (known) return known
    const deadline = AbortSignal.timeout(documentTimeoutMs)
    try {
      const document = await source.manifest(repository, digest, { signal: AbortSignal.any([signal, deadline]) })
      await documents.put(document)
      return document
    } catch (cause) {
      if (signal.aborted || !deadline.aborted) throw cause
      throw new Fault('unavailable', `${digest} did not come within ${documentTimeoutMs / 1000} s`, { cause })
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

    async graph(root) {
      const known = graphs.get(root.digest)
      if (known) return known
      try {
        const graph = await loadImageGraph(root, { platform, read: readHere })
        graphs.set(root.digest, graph)
        return graph
      } catch (error) {
        if (isFault(error, 'not-found')) return undefined
        throw error
      }
    },

    async learnSet(digest, signal) {
      const { raw } = await read(setRepository, digest, signal)
      parseSet(raw, { digest })
    },

    async learnImage(image, signal) {
      const repository = repositoryOf(image)
      const readThere = ({ digest }: Descriptor): Promise<Manifest> => read(repository, digest, signal)
      graphs.set(image.root.digest, await loadImageGraph(image.root, { platform, read: readThere }))
    },

    async retain(sets, wanted) {
      const kept = [...wanted]
      const roots = new Set(kept.map(({ root }) => root.digest))
      for (const digest of graphs.keys()) if (!roots.has(digest)) graphs.delete(digest)
      const needed = kept.flatMap((graph) => graph.documents.map(({ digest }) => digest))
      await documents.retain(new Set([...sets, ...needed]))
    },
  }
}
