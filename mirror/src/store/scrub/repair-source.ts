import type { FetchOptions } from '../../content.ts'
import type { Descriptor } from '../../oci/descriptor.ts'

/** Something that a repository names and whose bytes are not there. */
export interface LostContent {
  readonly repository: string
  readonly content: Descriptor
}

/** Where lost content can be had from again: an upstream, the one that copied it. */
export interface RepairSource {
  /** Brings the bytes into the repository again; false if it does not come from here. @throws Fault */
  bring(lost: LostContent, options?: FetchOptions): Promise<boolean>
}
