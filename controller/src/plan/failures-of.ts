import type { FaultCode } from '@stowage/mirror/oci/fault'
import type { Failure } from '../api/cache-status.ts'
import type { ImageRow } from './image-row.ts'
import { hostnameOf } from './known-node.ts'

/** How many nodes one image may name in a status, and how long all of them may be: etcd has no room for a fleet. */
const mostPerImage = 50
const mostCharacters = 256 * 1024

/** One word for a cause, as programs match it. */
const reasons: Readonly<Record<FaultCode, string>> = {
  invalid: 'ImageInvalid',
  'not-found': 'ImageNotFound',
  denied: 'AccessDenied',
  unavailable: 'RegistryUnavailable',
  corrupt: 'ContentCorrupt',
  'no-space': 'NoSpace',
  conflict: 'Conflict',
}

/** Whether a copy counts as failed: what an offline node met is not known to be so any more. */
export function isFailed({ state, isUpstream, isReachable }: ImageRow): boolean {
  return state === 'failed' && (isUpstream || isReachable)
}

/** kube-fledged's `failures`: by image as it is written, one entry for each node, bounded. Undefined if there is none. */
export function failuresOf(rows: readonly ImageRow[]): Record<string, Failure[]> | undefined {
  // Not an object yet: an image may be called `constructor`.
  const failures = new Map<string, Failure[]>()
  let room = mostCharacters
  for (const row of rows.filter(isFailed)) {
    const failure = failureOf(row)
    const list = failures.get(row.image.written) ?? []
    failures.set(row.image.written, list)
    room -= JSON.stringify(failure).length + row.image.written.length
    if (list.length < mostPerImage && room >= 0) list.push(failure)
  }
  return failures.size > 0 ? Object.fromEntries(failures) : undefined
}

function failureOf({ node, fault }: ImageRow): Failure {
  return { node: hostnameOf(node), reason: fault ? reasons[fault.code] : 'Unknown', message: fault?.message ?? '' }
}
