import type { Platform } from '@stowage/mirror/oci/platform'
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
