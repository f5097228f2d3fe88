import type { Digest } from '@stowage/mirror/oci/digest'
import type { FaultCode } from '@stowage/mirror/oci/fault'

/**
 * Where one copy stands, as far as anybody knows: `mirror` (the centre does not have the wanted version yet), `failed`,
 * `held` (the node is not told of it yet), `told` (it has not spoken of it), `shut` (it waits for a window in which its bytes
 * may come), and what else the node itself says.
 */
export type CopyState =
  'mirror' | 'failed' | 'held' | 'told' | 'shut' | 'waiting' | 'fetching' | 'publishing' | 'present' | 'leaving'

export interface CopyFault {
  readonly code: FaultCode
  readonly message: string
  readonly attempts: number
  /** Epoch milliseconds; undefined if no further try is planned. */
  readonly retryAt: number | undefined
}

/** What is known of a copy, whichever node it is on. */
export interface CopyStanding {
  /** What the node is to have in the end; null while that is not known. */
  readonly digest: Digest | null
  readonly state: CopyState
  /** Bytes of its blobs on the node, by its last word. */
  readonly bytesHere: number
  readonly bytesTotal: number | null
  /** Also of a copy that is tried again. */
  readonly fault: CopyFault | undefined
  /** The fault is the centre's, not the node's. */
  readonly isUpstream: boolean
  /** When the window opens that it waits for, epoch milliseconds; undefined if it waits for none, or nobody knows. */
  readonly opensAt?: number | undefined
}
