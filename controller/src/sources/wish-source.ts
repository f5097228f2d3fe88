import type { EdgeNode } from '../api/edge-node.ts'
import type { ImageCache } from '../api/image-cache.ts'
import type { PullSecret } from '../api/pull-secret.ts'

/** What is wanted: the objects of a source, each namespace and name once. */
export interface Wishes {
  readonly caches: readonly ImageCache[]
  readonly secrets: readonly PullSecret[]
  readonly nodes: readonly EdgeNode[]
  /** By namespace: why its Secrets cannot be read, with what mends it. */
  readonly forbiddenSecrets?: ReadonlyMap<string, string>
}

/** Something in a source that could not be taken as it is. */
export interface SourceProblem {
  /** `error`: what is in force is not what is written there. `note`: it was passed over on purpose. */
  readonly severity: 'error' | 'note'
  readonly file: string
  /** Counted from 1. */
  readonly line?: number | undefined
  readonly column?: number | undefined
  readonly field?: string | undefined
  readonly message: string
  /** The caches (`namespace/name`) that stay in force as they were before. */
  readonly caches?: readonly string[] | undefined
}

export interface SourceState {
  /** Undefined as long as nothing is known of what is wanted: nothing may be published then. */
  readonly wishes: Wishes | undefined
  /** While that is so, what was wanted at the last run: for whoever asks, and not to be acted on. */
  readonly remembered?: Pick<Wishes, 'caches' | 'nodes'> | undefined
  /**
   * `ready`: what is written is in force, problems apart. `held`: it looks so wrong that the last good wishes stay in force.
   * `unreadable`: it cannot be read, with the same effect. `starting`: not yet looked at.
   */
  readonly condition: 'ready' | 'held' | 'unreadable' | 'starting'
  /** For people: empty if all is well. */
  readonly message: string
  readonly problems: readonly SourceProblem[]
}

export interface SourceRunOptions {
  readonly signal: AbortSignal
  /** Called after each change of `state`. */
  readonly onChange: () => void
}

/** Where wishes come from: a directory of YAML files, a cluster. Level-based: only the latest state counts. */
export interface WishSource {
  /** For people: `directory /etc/stowage/caches`. */
  readonly name: string
  state(): SourceState
  /** Watches until `signal` aborts. */
  run(options: SourceRunOptions): Promise<void>
}
