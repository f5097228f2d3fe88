import { edgeNodeStatusSchema, type EdgeNodeStatus } from '../api/edge-node.ts'
import type { NodeView } from '../operator-api/views.ts'
import { edgeNodeStatusOf } from '../plan/edge-node-status-of.ts'
import { isDeleting } from './fold-objects.ts'
import type { KubeObject } from './kube-object.ts'

/** What is to be done so that a node stands in the cluster as it is. */
export type NodeWrite =
  | { readonly kind: 'create' }
  | { readonly kind: 'forget' }
  | { readonly kind: 'status'; readonly status: EdgeNodeStatus; readonly object: KubeObject }

export interface NodeWriteInput {
  /** Its EdgeNode as it is listed now. */
  readonly object: KubeObject | undefined
  /** Whether it is believed to have one. */
  readonly isBelieved: boolean
  /** Whether it had one before. */
  readonly wasThere: boolean
  /** Epoch milliseconds. */
  readonly now: number
}

/** Undefined if there is nothing to be done. */
export function nodeWrite(view: NodeView, input: NodeWriteInput): NodeWrite | undefined {
  const { object, isBelieved, wasThere } = input
  if (object) return isDeleting(object) ? undefined : statusWrite(view, { ...input, object })
  if (isBelieved || view.lastContact === null) return undefined
  // Who deletes the EdgeNode of a node that is away means that it is gone for good.
  return { kind: wasThere && !view.online ? 'forget' : 'create' }
}

function statusWrite(
  view: NodeView,
  { object, now }: NodeWriteInput & { readonly object: KubeObject },
): NodeWrite | undefined {
  const status = edgeNodeStatusOf(view, { before: statusBefore(object), now })
  return status && { kind: 'status', status, object }
}

// Made once: it is compiled when it is first used.
const anyStatusSchema = edgeNodeStatusSchema.partial()
const readBefore = new WeakMap<KubeObject, { readonly status: Partial<EdgeNodeStatus> | undefined }>()

function statusBefore(object: KubeObject): Partial<EdgeNodeStatus> | undefined {
  const known = readBefore.get(object)
  if (known) return known.status
  const status = anyStatusSchema.safeParse(object['status']).data as Partial<EdgeNodeStatus> | undefined
  readBefore.set(object, { status })
  return status
}
