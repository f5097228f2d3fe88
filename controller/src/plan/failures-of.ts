import type { FaultCode } from '@stowage/mirror/oci/fault'
import type { CacheStatus, Failure } from '../api/cache-status.ts'
import type { CopyFault } from './copy-standing.ts'
import { credentialProviderFailed } from './credential-provider-failed.ts'
import type { ImageRow } from './image-row.ts'
import { hostnameOf } from './known-node.ts'
import { pullSecretForbidden } from './pull-secret-forbidden.ts'

/** How many nodes one image may name in a status, and how long all of them may be: etcd has no room for a fleet. */
const mostPerImage = 50
/** A status has at most 256 KiB; the rest of it is short. */
const mostBytes = 240 * 1024
const longestMessage = 1000
const bytesOfNumbers = 32

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

export type Failures = Pick<CacheStatus, 'failures' | 'failedNodes'>

/**
 * kube-fledged's `failures`: by image as it is written, one entry for each node, bounded; and true numbers for the images of
 * which not all nodes are named. Neither is there if nothing failed.
 */
export function failuresOf(rows: readonly ImageRow[]): Failures {
  // Not an object yet: an image may be called `constructor`.
  const failures = new Map<string, Failure[]>()
  const totals = new Map<string, number>()
  let room = mostBytes
  for (const row of rows.filter(isFailed)) {
    const { written } = row.image
    totals.set(written, (totals.get(written) ?? 0) + 1)
    const named = failures.get(written)
    if (named && named.length >= mostPerImage) continue
    const failure = failureOf(row)
    // An image stands in `failures` and, once more, in `failedNodes`.
    const bytes = bytesOf(failure) + (named ? 0 : 2 * bytesOf(written) + bytesOfNumbers)
    if (bytes > room) continue
    room -= bytes
    failures.set(written, [...(named ?? []), failure])
  }
  if (failures.size === 0) return {}
  const cut = [...failures].flatMap(([image, { length }]): [string, number][] => {
    const total = totals.get(image) ?? length
    return total > length ? [[image, total]] : []
  })
  return {
    failures: Object.fromEntries(failures),
    ...(cut.length > 0 && { failedNodes: Object.fromEntries(cut) }),
  }
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value)) + 1
}

function failureOf({ node, fault }: ImageRow): Failure {
  const message = (fault?.message ?? '').slice(0, longestMessage)
  return { node: hostnameOf(node), reason: fault ? reasonOf(fault) : 'Unknown', message }
}

function reasonOf({ code, message }: CopyFault): string {
  const named = [pullSecretForbidden, credentialProviderFailed].find((reason) => message.includes(`${reason}: `))
  return named ?? reasons[code]
}
