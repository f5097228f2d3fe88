import type { ContentHold, ContentSink, FetchOptions, Ingest, IngestOptions } from '../content.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Manifest } from '../oci/manifest.ts'
import type { OpenUploadOptions, ReadOptions, StoredObject, Upload } from './object-store.ts'

/** What a tag of a repository means. */
export interface Tag {
  readonly name: string
  readonly target: Descriptor
}

export interface PutTagOptions {
  /** Whose signature it means, for a tag that is to go when nothing keeps that any more. */
  readonly speaksOf?: Digest | undefined
  /** One that somebody gave himself stays as it is. */
  readonly isYielding?: boolean | undefined
}

/** A blob on its way into a repository, which may be read while it comes. */
export interface BlobIngest extends Ingest {
  /** Bytes that came so far, unchecked; none when it is stored. */
  read(options?: Pick<ReadOptions, 'offset' | 'length'>): AsyncIterable<Uint8Array>
}

/**
 * One repository: the links that say what it contains, over blobs that all repositories share. A digest that is not linked
 * here is not here, wherever else its bytes may lie.
 */
export interface Repository extends ContentSink {
  readonly name: string
  hold(content: readonly Digest[]): Promise<ContentHold>
  /** @throws also Fault corrupt: who brings it has other bytes than those that another repository has */
  ingest(blob: Descriptor, options?: IngestOptions): Promise<BlobIngest | undefined>
  /** The linked blob or manifest of this digest, without reading it. */
  stat(digest: Digest): Promise<Descriptor | undefined>
  /**
   * As `stat`, for who tells somebody that builds on it: what was found stays for the grace of a collection, a manifest with
   * all of its parts that are here. So do `hasBlob`, `hasManifest`, `mount` and what writes.
   */
  vouchFor(digest: Digest): Promise<Descriptor | undefined>
  /** As `hasBlob`, for who only looks: nothing stays for that. */
  holdsBlob(blob: Pick<Descriptor, 'digest' | 'size'>): Promise<boolean>
  /** The bytes of a linked blob. From them: @throws Fault corrupt, instead of the last piece, if the blob is damaged */
  openBlob(digest: Digest, options?: ReadOptions): Promise<StoredObject | undefined>
  /** Where who has the address may read a linked blob for a while; undefined where only we can. */
  locateBlob(digest: Digest): Promise<URL | undefined>
  /** A linked manifest, by tag or digest. Children of an index may be absent: the mirror is sparse. */
  manifest(reference: string): Promise<Manifest | undefined>
  /** All manifests that are linked here, with or without a tag, ordered by digest. */
  manifests(): AsyncIterable<Descriptor>
  tag(name: string): Promise<Descriptor | undefined>
  /**
   * A question that tells at once whether a tag or digest still means this content here, and no collection has condemned it;
   * undefined where that cannot be told without a look into the store.
   */
  watch(reference: string, digest: Digest): (() => boolean) | undefined
  /** Moves or creates a tag of a manifest that is linked here. @throws Fault not-found */
  putTag(name: string, digest: Digest, options?: PutTagOptions): Promise<void>
  /** Bytewise ordered, those behind `after` only. */
  tags(options?: { readonly after?: string | undefined; readonly limit?: number | undefined }): Promise<Tag[]>
  /** Manifests whose `subject` is this digest, as the referrers API lists them. */
  referrers(subject: Digest): Promise<Descriptor[]>
  /** Links a blob that another repository holds; undefined if `from` does not hold it. */
  mount(digest: Digest, from: Repository): Promise<Descriptor | undefined>
  /** Turns a finished upload into a linked blob. @throws Fault corrupt: the upload is kept, nothing is visible */
  commitUpload(upload: Upload, digest: Digest): Promise<Descriptor>
  /** @param only what it means: it is left if it means something else by now */
  deleteTag(name: string, only?: Digest): Promise<boolean>
  /** Unlinks a manifest and the tags that mean it. */
  deleteManifest(digest: Digest): Promise<boolean>
  deleteBlob(digest: Digest): Promise<boolean>
}

/** All repositories over one keyed object store. */
export interface ContentStore {
  repository(name: string): Repository
  /** Names of repositories that contain anything, ordered, those behind `after` only. */
  repositories(options?: {
    readonly after?: string | undefined
    readonly limit?: number | undefined
  }): Promise<string[]>
  /** Names of repositories that hold a blob, ordered: at the price of a look into each of all, and none where its bytes are not here. */
  holders(digest: Digest): AsyncIterable<string>
  /** Begins or goes on with an upload session of a client. @throws Fault not-found if there is none and none is to be begun */
  openUpload(id: string, options?: OpenUploadOptions): Promise<Upload>
  /**
   * Drops half-fetched and half-pushed content that nobody touched for so long, in milliseconds; or only what clients push, of
   * which most begin anew.
   */
  expireUploads(olderThanMs: number, options?: FetchOptions & { readonly isOnlyPushes?: boolean }): Promise<number>
}
