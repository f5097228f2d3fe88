import { offer, type OfferedOperation } from '@stowage/mirror/operations/operation'
import type { GarbageCollector } from '@stowage/mirror/store/gc/garbage-collector'
import { gcOperation, runGc } from '@stowage/mirror/store/gc/gc-operation'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type { Integrity } from '@stowage/mirror/store/scrub/integrity'
import { fsck } from '@stowage/mirror/store/fsck/fsck'
import { fsckOperation } from '@stowage/mirror/store/fsck/fsck-operation'
import { scrubOperation } from '@stowage/mirror/store/scrub/scrub-operation'
import type { Scrubber } from '@stowage/mirror/store/scrub/scrubber'

/** What operations are carried out with, in a process that serves a store. */
export interface OperationTools {
  readonly collector: GarbageCollector
  readonly scrubber: Scrubber
  readonly objects: ObjectStore
  readonly integrity: Integrity
}

/** Of the time of those who are served it takes a quarter: fewer need it than a collection, which is as gentle as one by the clock. */
const servingRest = 3

/** What operators may ask a mirror for while it runs. */
export function offeredOperations({ collector, scrubber, objects, integrity }: OperationTools): OfferedOperation[] {
  const { mender } = scrubber
  return [
    offer(gcOperation, runGc(collector)),
    offer(scrubOperation, scrubber.scrubNow),
    offer(fsckOperation, fsck({ objects, integrity, mender, restRatio: servingRest })),
  ]
}
