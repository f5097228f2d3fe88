import { isDeepStrictEqual } from 'node:util'
import type { Platform } from '@stowage/mirror/oci/platform'
import type { EdgeNode } from '../api/edge-node.ts'
import type { ImageList } from '../api/image-list.ts'
import { isMet } from '../api/label-selector.ts'
import type { HeardNode } from './reachable.ts'

/** A node that was heard of, or that administrators have declared. */
export interface KnownNode {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  /** What runs on it, if its agent or its declared labels say. */
  readonly platform: Platform | undefined
  /** Undefined for a node that is only declared. */
  readonly heard: HeardNode | undefined
}

/** All nodes by name. Declared labels win over those that an agent proposes. A node of which nothing is new is the same object. */
export function knownNodes(records: Iterable<HeardNode>, declared: readonly EdgeNode[]): KnownNode[] {
  const heard = new Map([...records].map((record) => [record.report.node, record]))
  const labels = new Map(declared.map((node) => [node.name, node.labels]))
  return [...new Set([...heard.keys(), ...labels.keys()])].toSorted().map((name) => {
    const record = heard.get(name)
    const own = labels.get(name) ?? nothing
    return record ? heardNode(name, record, own) : { name, labels: own, platform: platformOf(own), heard: undefined }
  })
}

const nothing: EdgeNode['labels'] = {}
const knownBefore = new WeakMap<HeardNode, { readonly own: EdgeNode['labels']; readonly node: KnownNode }>()

function heardNode(name: string, heard: HeardNode, own: EdgeNode['labels']): KnownNode {
  const before = knownBefore.get(heard)
  if (before && (before.own === own || isDeepStrictEqual(before.own, own))) return before.node
  const node = { name, labels: labelsOf(heard.report.labels, own), platform: heard.report.platform, heard }
  knownBefore.set(heard, { own, node })
  return node
}

const mergedBefore = new WeakMap<
  EdgeNode['labels'],
  { readonly own: EdgeNode['labels']; readonly all: EdgeNode['labels'] }
>()

/** A node that says the same as before keeps the same object, too. */
function labelsOf(proposed: EdgeNode['labels'], own: EdgeNode['labels']): EdgeNode['labels'] {
  const before = mergedBefore.get(proposed)
  if (before && (before.own === own || isDeepStrictEqual(before.own, own))) return before.all
  const all = { ...proposed, ...own }
  mergedBefore.set(proposed, { own, all })
  return all
}

/** Whether a list is for a node: all labels of its selector are equal, its other selector matches, and it names the node if any. */
export function selects(
  { nodeSelector, requirements, nodeNames }: Pick<ImageList, 'nodeSelector' | 'requirements' | 'nodeNames'>,
  { name, labels }: Pick<KnownNode, 'name' | 'labels'>,
): boolean {
  return (
    (nodeNames.length === 0 || nodeNames.includes(name)) &&
    Object.entries(nodeSelector).every(([key, value]) => labels[key] === value) &&
    requirements.every((requirement) => isMet(requirement, labels))
  )
}

/** What people call a node: kube-fledged names it by this label in `failures`. */
export function hostnameOf({ name, labels }: Pick<KnownNode, 'name' | 'labels'>): string {
  return labels['kubernetes.io/hostname'] || name
}

function platformOf(labels: EdgeNode['labels']): Platform | undefined {
  const os = labels['kubernetes.io/os']
  const architecture = labels['kubernetes.io/arch']
  return os && architecture ? { os, architecture } : undefined
}
