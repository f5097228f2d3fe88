import type { DesiredImage } from '@stowage/mirror/edge/set'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { ImageGraph, RuntimeImage } from '../runtime/runtime.ts'

/** What a node has, as far as it matters to what it wants. */
export interface Have {
  /** By name: what the runtime lists. */
  readonly images: ReadonlyMap<string, RuntimeImage>
  /** By root digest: images whose manifests are at hand. */
  readonly graphs: ReadonlyMap<Digest, ImageGraph>
}

export interface DiffOptions {
  /** Names of images that are not to be pinned. */
  readonly unpinned?: ReadonlySet<string> | undefined
}

/** One thing to be done for one image; never more than one for a name. */
export type Step =
  /** It is there, but without our mark, or not held as it is to be. */
  | { readonly kind: 'adopt'; readonly image: DesiredImage }
  /** Its manifests are to be read first. */
  | { readonly kind: 'learn'; readonly image: DesiredImage }
  /** What is missing of it is to be fetched, and then it is to be named. */
  | { readonly kind: 'bring'; readonly image: DesiredImage; readonly graph: ImageGraph }

/** What is to be done so that everything wanted is there, in the order in which it is wanted. */
export function diff(wanted: readonly DesiredImage[], have: Have, { unpinned }: DiffOptions = {}): Step[] {
  return wanted.flatMap((image): Step[] => {
    const present = have.images.get(image.name)
    if (present?.digest === image.root.digest) {
      const isHeldRight = present.pinned === undefined || present.pinned !== (unpinned?.has(image.name) ?? false)
      return present.owned && isHeldRight ? [] : [{ kind: 'adopt', image }]
    }
    const graph = have.graphs.get(image.root.digest)
    return [graph ? { kind: 'bring', image, graph } : { kind: 'learn', image }]
  })
}
