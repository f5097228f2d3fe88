import type { ImageView } from '@stowage/controller/operator-api/views'
import type { LinkStats } from '../link/link-protocol.ts'

/** What the screen shows of one image on one node, by the centre's latest word. */
export interface ImageLine {
  readonly label: string
  readonly state: ImageView['state']
  readonly bytesHere: number
  readonly bytesTotal: number | null
  /** Null where nothing moves. */
  readonly bytesPerSecond: number | null
  readonly etaSeconds: number | null
  /** Why it is not there yet; empty if there is nothing to say. */
  readonly message: string
}

/** One node behind its link. */
export interface NodeBlock {
  readonly name: string
  readonly link: LinkStats['state']
  /** How often the link was cut so far. */
  readonly cuts: number
  /** Towards the node, as counted by the link. */
  readonly downBytes: number
  readonly bytesPerSecond: number
  /** What was done to its agent, if it does not run: `killed`. */
  readonly agent: 'running' | 'killed'
  readonly images: readonly ImageLine[]
}

/** All that the screen shows at one moment. */
export interface DemoView {
  readonly phase: string
  readonly elapsedMs: number
  readonly isCentreUp: boolean
  readonly nodes: readonly NodeBlock[]
}
