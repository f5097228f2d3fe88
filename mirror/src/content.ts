import type { Descriptor } from './oci/descriptor.ts'
import type { Digest } from './oci/digest.ts'
import type { Manifest } from './oci/manifest.ts'

export interface FetchOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * Somewhere content can be read from: an upstream registry, a centre, a bundle, our own store. Near and far look the same.
 * @throws Fault not-found | denied | unavailable | corrupt | invalid
 */
export interface ContentSource {
  /** What a tag or digest means now, at the price of a HEAD where there is one. */
  resolve(repository: string, reference: string, options?: FetchOptions): Promise<Descriptor>
  /** A manifest or index by tag or digest; a digest is checked. */
  manifest(repository: string, reference: string, options?: FetchOptions): Promise<Manifest>
  /**
   * Bytes of a blob from `offset` on; no more than `length` of them come over a link, while a source on a disk may give all
   * the rest. They are not checked: who collects them does that.
   */
  blob(
    repository: string,
    blob: Descriptor,
    options?: FetchOptions & { readonly offset?: number; readonly length?: number },
  ): Promise<AsyncIterable<Uint8Array>>
  /** What speaks of a manifest: signatures, SBOMs, attestations. Left out by sources that do not know. */
  referrers?(repository: string, subject: Digest, options?: FetchOptions): Promise<readonly Referrer[]>
}

/** A manifest that speaks of another one, by its `subject` or by a tag made of the other's digest (cosign). */
export interface Referrer {
  readonly descriptor: Descriptor
  /** The tag by which its readers find it. */
  readonly tag?: string | undefined
}

/** A blob on its way in: not visible before `commit`. Disposing of it keeps what came for a later try. */
export interface Ingest extends AsyncDisposable {
  /** Bytes that are there already. */
  readonly offset: number
  write(bytes: AsyncIterable<Uint8Array>): Promise<void>
  /**
   * Checks size and digest and makes the blob visible, durably.
   * @throws Fault corrupt: what came is dropped; unavailable: bytes are still missing, what came is kept
   */
  commit(): Promise<void>
}

/** What keeps content from being collected until it is released, or was not renewed for a month. */
export interface ContentHold {
  /** Keeps it for another month; cheap enough to be called for each blob. */
  renew(): Promise<void>
  release(): Promise<void>
}

/** A tag by which readers of a manifest find its signature (or attestation, or SBOM), for which cosign makes it of a digest. */
export interface SpeakingTag {
  readonly tag: string
  readonly speaksOf: Digest
  /** One that somebody gave himself stays as it is. */
  readonly isYielding?: boolean | undefined
}

export interface PutManifestOptions {
  readonly tags?: readonly string[]
  /** Tags that need not stay when what they speak of has gone. */
  readonly speakingTags?: readonly SpeakingTag[] | undefined
  /** What was brought before it, of this image: of that no part may have gone since. */
  readonly brought?: ReadonlySet<Digest>
}

/** What is there of a blob, from its first byte on. */
export interface BytesThere {
  readonly size: number
  /** Chunks may be overwritten as soon as the next one is asked for. */
  read(part: { readonly offset: number; readonly length: number }): AsyncIterable<Uint8Array>
}

export interface IngestOptions extends FetchOptions {
  /**
   * Whether who brings the blob has these bytes of it, too. A store asks before it gives a repository what came for another one;
   * absent: who brings it may be believed, and what is there counts.
   */
  readonly hasBytes?: ((there: BytesThere) => Promise<boolean>) | undefined
}

/** Somewhere the content of one repository can be written to. */
export interface ContentSink {
  /**
   * Keeps what is going to come, and what of it is there, until the manifest that needs it is there: bytes may take weeks. Left
   * out by sinks that collect nothing. Who does not release it goes on later, and holds the same.
   */
  hold?(content: readonly Digest[]): Promise<ContentHold>
  hasBlob(blob: Descriptor): Promise<boolean>
  /** Begins or goes on with a blob; waits while another writer of the same blob is at work; undefined if it is there by then. */
  ingest(blob: Descriptor, options?: IngestOptions): Promise<Ingest | undefined>
  hasManifest(digest: Digest): Promise<boolean>
  /**
   * Stores a manifest whose parts are there already (or are left out on purpose), and tags it last.
   * @throws Fault unavailable: parts were deleted meanwhile, by sinks that collect garbage
   */
  putManifest(manifest: Manifest, options?: PutManifestOptions): Promise<void>
}
