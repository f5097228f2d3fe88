import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { ImageConfig } from '@stowage/mirror/oci/image-config'
import type { ImageManifest, Manifest } from '@stowage/mirror/oci/manifest'

/** One image as this node's platform sees it, with all documents at hand and all blobs known. */
export interface ImageGraph {
  readonly root: Descriptor
  /** From the root down to the platform's manifest: one or more documents, raw bytes included. */
  readonly documents: readonly Manifest[]
  /** The manifest that this node runs. */
  readonly manifest: ImageManifest
  /** Its configuration, raw bytes included; undefined if it is no container image but another artifact. */
  readonly config: ImageConfig | undefined
  /** Config and layers, each once, in the manifest's order. */
  readonly blobs: readonly Descriptor[]
}

/** What a runtime can do; reports name what is missing, transfers choose by it. */
export interface RuntimeCapabilities {
  /** `blob`: wants the compressed blob byte for byte. `tar`: takes the plain tar too, proved by its diff ID. */
  readonly layerForm: 'blob' | 'tar'
  /** Can hold an image against the runtime's own garbage collection. */
  readonly pin: boolean
  /** Knows whether a container runs from an image. */
  readonly inUse: boolean
  /** How much of its disk one byte of a blob may take at most: more where layers are unpacked. */
  readonly bytesPerBlobByte: number
}

/** A name in the runtime. */
export interface RuntimeImage {
  readonly name: string
  readonly digest: Digest
  /** Carries our mark: we brought or adopted it. */
  readonly owned: boolean
  /** Is held against the runtime's own collection, by whomever; undefined where there are no pins. */
  readonly pinned?: boolean | undefined
}

/** How a name is held, as far as a runtime can pin at all. */
export interface Hold {
  /** Against the runtime's own collection. */
  readonly pin: boolean
}

/** A blob that has arrived, checked and synced, in a file of the agent's that the runtime may take away (rename). */
export interface ArrivedBlob {
  readonly descriptor: Descriptor
  readonly path: string
}

/**
 * Where images live on a node. One conformance suite (`runtime.conformance.ts`) holds for all of them.
 * All verbs may be repeated after a crash at any instant.
 * @throws Fault unavailable (runtime away) | no-space | denied | invalid
 */
export interface Runtime extends AsyncDisposable {
  /** `layout:/var/lib/images`, as it was asked for. */
  readonly name: string
  readonly capabilities: RuntimeCapabilities
  /** Names that are complete; ours and others'. */
  list(): Promise<RuntimeImage[]>
  /** A manifest or configuration that is there already, whoever brought it; undefined if it is not, or damaged. */
  document(digest: Digest): Promise<Uint8Array | undefined>
  /** Holds what is there of an image against collection and says which of its blobs are missing. Before the first byte. */
  begin(graph: ImageGraph): Promise<Descriptor[]>
  /** Takes over one blob of an image that was begun. */
  accept(graph: ImageGraph, blob: ArrivedBlob): Promise<void>
  /** Names an image whose blobs are all there, marks it as ours, moves the name if it meant something else; durable when it resolves. Pinned if nothing else is said. */
  publish(name: string, graph: ImageGraph, hold?: Hold): Promise<void>
  /** Marks a name as ours and pins it or not, without touching its content: a set names what was there before us. */
  adopt(name: string, hold?: Hold): Promise<void>
  /** Takes our mark (and pin) off a name; the image stays. */
  forget(name: string): Promise<void>
  /** Takes a name away. `in-use`: a container runs from it, so nothing was done. */
  remove(name: string): Promise<'removed' | 'in-use' | 'absent'>
  /** Drops what we brought, no name reaches and nobody wants: half images of earlier wishes, content behind names that moved. */
  collect(wanted: ReadonlySet<Digest>): Promise<void>
  /** Bytes that content may still take on its disk. */
  freeBytes(): Promise<number>
  /** Tells when it is worth looking again, as far as the runtime knows: others changed its images, or it is back. */
  watch(onChange: () => void): Disposable
}
