import type { Arrivals } from '../arrivals.ts'

/** Where one node of the demo has its images. */
export interface NodeRuntime {
  /** As `stowage` takes it after `--runtime`. */
  readonly place: string
  /** Begins to look into it, as if nothing were known of it yet. */
  watch(): Arrivals
}

/** What all nodes of a run have. */
export interface NodeRuntimes {
  readonly kind: RuntimeKind
  /** For people, after "images are kept in". */
  readonly words: string
  /** @throws Error if there is no such node */
  of(node: string): NodeRuntime
}

export type RuntimeKind = 'layout' | 'containerd'

/** What the demo can use, the names as its option has them. */
export const runtimeKinds = ['layout', 'containerd'] as const satisfies readonly RuntimeKind[]
