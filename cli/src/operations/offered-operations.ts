import { offer, type OfferedOperation } from '@stowage/mirror/operations/operation'
import type { GarbageCollector } from '@stowage/mirror/store/gc/garbage-collector'
import { gcOperation, runGc } from '@stowage/mirror/store/gc/gc-operation'
import { scrubOperation } from '@stowage/mirror/store/scrub/scrub-operation'
import type { Scrubber } from '@stowage/mirror/store/scrub/scrubber'

/** What operations are carried out with, in a process that serves a store. */
export interface OperationTools {
  readonly collector: GarbageCollector
  /** Absent where nobody scrubs. */
  readonly scrubber?: Scrubber
}

/** What operators may ask a mirror for while it runs. */
export function offeredOperations({ collector, scrubber }: OperationTools): OfferedOperation[] {
  return [offer(gcOperation, runGc(collector)), ...(scrubber ? [offer(scrubOperation, scrubber.scrubNow)] : [])]
}
