/** What one node went through, and what it cost. */
export interface SiteResult {
  readonly name: string
  /** Undefined for a node without a link. */
  readonly link?: {
    /** Towards the node and from it, with everything around the blobs; counted by the link. */
    readonly downBytes: number
    readonly upBytes: number
    /** Bodies of blobs alone. */
    readonly blobBytes: number
    readonly cuts: number
  }
  /** Bytes of all images that it was to have in turn: manifests, configs, layers, each digest once; from its files. */
  readonly imageBytes: number
  /** How often its agent was killed. */
  readonly kills: number
  /** From each wish to the name in the node's files, in the order of the wishes. */
  readonly tookMs: readonly number[]
}
