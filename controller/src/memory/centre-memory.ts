import { randomUUID } from 'node:crypto'
import { assignmentSchema, type Assignment } from '@stowage/mirror/edge/assignment'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import type * as z from 'zod'
import { cacheRecordSchema, type CacheRecord } from './cache-record.ts'
import { centreRecordSchema } from './centre-record.ts'
import { exportWantSchema, type ExportWant } from './export-want.ts'
import { nodeRecordSchema, type NodeRecord } from './node-record.ts'
import { referrersRecordSchema, type ReferrersRecord } from './referrers-record.ts'
import { openRemembered, type Remembered } from './remembered.ts'
import { resolutionSchema, type Resolution } from './resolution.ts'
import { createShareReport } from './share-report.ts'

/** All that a centre must know after it was killed. */
export interface CentreMemory {
  readonly epoch: string
  /** By `namespace/name`. */
  readonly caches: Remembered<CacheRecord>
  /** By name. */
  readonly nodes: Remembered<NodeRecord>
  /** By node. */
  readonly assignments: Remembered<Assignment>
  /** By image name. */
  readonly resolutions: Remembered<Resolution>
  /** By image name. */
  readonly referrers: Remembered<ReferrersRecord>
  /** By image name. */
  readonly exports: Remembered<ExportWant>
}

/** Below which keys each kind of document lies. */
export const memoryPrefixes = {
  caches: 'controller/caches/',
  nodes: 'controller/nodes/',
  assignments: 'controller/assignments/',
  resolutions: 'controller/resolutions/',
  referrers: 'controller/referrers/',
  exports: 'controller/exports/',
} as const

/** Of nodes that were heard of before, which hold what they say alike once. */
function sharingSchema(): z.ZodType<NodeRecord> {
  const share = createShareReport()
  return nodeRecordSchema.transform((record) => ({ ...record, report: share(record.report) }))
}

/**
 * Reads the centre's memory, or begins one.
 * @throws Fault invalid if another version wrote it
 */
export async function openCentreMemory(objects: ObjectStore): Promise<CentreMemory> {
  const centre = await openRemembered(objects, { prefix: 'controller/centre/', schema: centreRecordSchema })
  const epoch = centre.all.get('centre')?.epoch ?? randomUUID()
  if (!centre.all.has('centre')) await centre.put('centre', { version: 1, epoch })
  return {
    epoch,
    caches: await openRemembered(objects, { prefix: memoryPrefixes.caches, schema: cacheRecordSchema }),
    nodes: await openRemembered(objects, { prefix: memoryPrefixes.nodes, schema: sharingSchema() }),
    assignments: await openRemembered(objects, { prefix: memoryPrefixes.assignments, schema: assignmentSchema }),
    resolutions: await openRemembered(objects, { prefix: memoryPrefixes.resolutions, schema: resolutionSchema }),
    referrers: await openRemembered(objects, { prefix: memoryPrefixes.referrers, schema: referrersRecordSchema }),
    exports: await openRemembered(objects, { prefix: memoryPrefixes.exports, schema: exportWantSchema }),
  }
}
