import type { Assignment } from '@stowage/mirror/edge/assignment'
import type { ImageReport, Report } from '@stowage/mirror/edge/report'
import { descriptorOf } from '@stowage/mirror/oci/manifest'
import { buildSet } from '@stowage/mirror/edge/set'
import type { EdgeNode } from '../api/edge-node.ts'
import { imageCacheSchema, toImageCache, type ImageCache } from '../api/image-cache.ts'
import { mirroredForAll, unresolved, type ResolveFault, type Resolution } from '../memory/resolution.ts'
import { acceptReport } from '../plan/accept-report.ts'
import type { KnownNode } from '../plan/known-node.ts'
import { createKnownNodes } from '../plan/known-nodes.ts'
import type { LivingCache } from '../plan/living-cache.ts'
import { observeCache } from '../plan/observe-cache.ts'
import { planAssignments } from '../plan/plan-assignments.ts'
import { planSets } from '../plan/plan-sets.ts'
import { heardBy, neverAway, type HeardNode } from '../plan/reachable.ts'
import type { World } from '../plan/world.ts'

/** Pieces of a world for tests of what is planned from it. */

export const epoch = 'epoch-1'

export interface ListSpec {
  readonly images: readonly string[]
  readonly nodeSelector?: Readonly<Record<string, string>>
  readonly platforms?: readonly string[]
  readonly selector?: object
  readonly nodeNames?: readonly string[]
  readonly priority?: number
  readonly pin?: boolean
}

export function aCache(name: string, lists: readonly (ListSpec | string)[], more: object = {}): ImageCache {
  const cacheSpec = lists.map((list) => (typeof list === 'string' ? { images: [list] } : list))
  const { metadata, ...spec } = more as { metadata?: object }
  return toImageCache(
    imageCacheSchema.parse({
      apiVersion: 'kubefledged.io/v1alpha2',
      kind: 'ImageCache',
      metadata: { name, ...metadata },
      spec: { cacheSpec, ...spec },
    }),
  )
}

export function living(cache: ImageCache, { now = 0 }: { now?: number } = {}): LivingCache {
  return { cache, record: observeCache(undefined, cache, { now, makeUid: () => `uid-${cache.name}` }) }
}

/** The root of a version of an image. */
export function aRoot(version: string): NonNullable<Resolution['target']> {
  const { mediaType, digest, size } = descriptorOf(buildSet({ images: [], unresolved: [version] }))
  return { mediaType, digest, size }
}

export function mirrored(version: string, bytes = 100): Resolution {
  return { ...unresolved, target: aRoot(version), checkedAt: 0, mirrored: mirroredForAll(aRoot(version), bytes) }
}

export function faulty(code: ResolveFault['code'], more: Partial<Resolution> = {}): Resolution {
  const fault = { code, message: `${code}: said upstream`, attempts: 1, at: 0, retryAt: 30_000 }
  return { ...unresolved, ...more, fault }
}

export function aLine(name: string, version: string, more: Partial<ImageReport> = {}): ImageReport {
  return { name, digest: aRoot(version).digest, state: 'present', bytesHere: 100, bytesTotal: 100, ...more }
}

export function aReport(node: string, more: Partial<Report> = {}): Report {
  return {
    version: 1,
    node,
    instance: '6f0dd1c5-8a1f-4a3c-9ab2-6ac0c3c5a001',
    counter: 1,
    agentVersion: '0.1.0',
    platform: { os: 'linux', architecture: 'amd64' },
    labels: { 'kubernetes.io/hostname': `${node}.host` },
    runtime: 'layout:/images',
    acknowledged: { epoch, sequence: 1 },
    images: [],
    bytesPerSecond: 0,
    bytesReceived: 0,
    nextContactInMs: 60_000,
    ...more,
  }
}

export function aRecord(report: Report, receivedAt = 0, old?: HeardNode): HeardNode {
  const verdict = acceptReport(old, report, receivedAt)
  if (verdict.kind !== 'accepted') throw new Error(`the report is ${verdict.kind}`)
  return heardBy(verdict.record, neverAway)
}

/** Nodes that were heard of, or that administrators have declared. */
export function knownNodes(heard: readonly HeardNode[], declared: readonly EdgeNode[]): readonly KnownNode[] {
  const records = new Map(heard.map((record) => [record.report.node, record]))
  return createKnownNodes()({ records, declared, listening: neverAway })
}

export function aNode(name: string, more: Partial<Report> = {}, receivedAt = 0): KnownNode {
  const [node] = knownNodes([aRecord(aReport(name, more), receivedAt)], [])
  if (!node) throw new Error('no node')
  return node
}

export interface WorldSpec extends Partial<Omit<World, 'caches' | 'resolutions' | 'assignments'>> {
  readonly caches?: readonly (LivingCache | ImageCache)[]
  readonly resolutions?: Readonly<Record<string, Resolution>>
  readonly previous?: readonly Assignment[]
}

/** A world in which the assignments follow from the rest. */
export function aWorld({ caches = [], resolutions = {}, previous = [], ...more }: WorldSpec): World {
  const all = caches.map((cache) => ('record' in cache ? cache : living(cache)))
  const known = new Map(Object.entries(resolutions))
  const told = new Map(previous.map((assignment) => [assignment.node, assignment]))
  const nodes = more.nodes ?? []
  const planned = planAssignments({
    epoch,
    caches: all,
    nodes,
    previous: told,
    sets: planSets(known),
    now: more.now ?? 0,
  })
  return {
    epoch,
    nodes,
    flights: new Map(),
    notAccepted: new Map(),
    now: 0,
    ...more,
    caches: all,
    resolutions: known,
    assignments: new Map([...told, ...planned.map((assignment) => [assignment.node, assignment] as const)]),
  }
}
