import type { Digest } from '../../oci/digest.ts'

/** Something in a repository that is to stay, with all that it needs. It need not be there yet. */
export interface ContentRoot {
  readonly repository: string
  readonly digest: Digest
}

/**
 * Says what else is to stay, as it is now.
 * @throws Fault if it cannot be told: then nothing is collected
 */
export type RootSource = () => AsyncIterable<ContentRoot>
