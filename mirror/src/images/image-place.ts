import type { ContentSource, FetchOptions } from '../content.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { RootSource } from '../store/gc/content-root.ts'

/**
 * Somewhere images are kept under repositories, tags and digests, as who looks after them needs it: our own store, or a
 * registry of whatever make. Looking changes nothing.
 * @throws Fault not-found | denied | unavailable | invalid from each verb
 */
export interface ImagePlace {
  /** How it is called in messages. */
  readonly name: string
  readonly source: Required<ContentSource>
  /** In the order of their names. */
  repositories(options?: FetchOptions): AsyncIterable<string>
  /** In the order of their names. @throws Fault not-found if it can be told that there is no such repository */
  tags(repository: string, options?: FetchOptions): AsyncIterable<string>
  /** All manifests, with or without a tag; absent where nobody tells that. */
  manifests?(repository: string, options?: FetchOptions): AsyncIterable<Descriptor>
  /** What else than tags keeps content there, by what it is called; absent where nobody tells that. */
  readonly keepers?: Readonly<Record<string, RootSource>>
  /** Whether all bytes of a blob are there. */
  hasBlob(repository: string, blob: Descriptor, options?: FetchOptions): Promise<boolean>
  /**
   * Looks whether what a repository has by this tag or digest can be taken away, as far as that is told; absent where all can be.
   * @throws Fault denied if it cannot
   */
  checkRemovable?(repository: string, reference: string, options?: FetchOptions): Promise<void>
  /** Takes a tag away, and leaves what it meant; false if it was not there. @throws Fault invalid if the place cannot do that */
  deleteTag(repository: string, tag: string, options?: FetchOptions): Promise<boolean>
  /** Takes a manifest away with all its tags; false if it was not there. */
  deleteManifest(repository: string, digest: Digest, options?: FetchOptions): Promise<boolean>
}
