import type { FsckFault } from './fsck-operation.ts'

/** What looked wrong when it was read: others may have been at work meanwhile, so it is looked at again before it is told. */
export interface Suspicion {
  readonly fault: Omit<FsckFault, 'isRepaired'>
  /** Whether it is so still. */
  readonly isStill: () => Promise<boolean>
  /** Mends it and says whether it could; absent where nobody can without a risk. */
  readonly repair?: (() => Promise<boolean>) | undefined
}
