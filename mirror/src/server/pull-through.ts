import type { Answer } from './answer.ts'
import type { Exchange } from './exchange.ts'
import type { RegistryPath } from './parse-path.ts'
import type { RepairSource } from '../store/scrub/repair-source.ts'

/** Content of other registries, fetched when it is asked for. */
export interface PullThrough {
  /**
   * Answers what is asked of another registry, and leaves everything else to `next`; that answers from the store.
   * @throws Refusal | Fault
   */
  answer(path: RegistryPath, exchange: Exchange, next: Next): Promise<Answer>
  /** Whether the content of a repository was fetched with a credential of ours. */
  isPrivate(repository: string): boolean
  /** Whether a repository is one of an upstream's that is asked now: then nobody can push to it. */
  isFetched(repository: string): boolean
  /** Brings back what was fetched and is damaged here. */
  readonly repairs: RepairSource
}

/** Answers from the store, by the path that is given. */
export type Next = (path: RegistryPath) => Promise<Answer>
