import { digestOf, hexOf, type Digest } from '@stowage/mirror/oci/digest'
import type { Manifest } from '@stowage/mirror/oci/manifest'

export type Labels = Readonly<Record<string, string>>

/** Tells the kubelet to leave an image alone; known to containerd's CRI plugin from 1.6.22 and 1.7.3 on. */
export const pinLabel = 'io.cri-containerd.pinned'
export const pinned: Labels = { [pinLabel]: 'pinned' }
/** Takes the pin off in an update: containerd takes a label away whose value is empty. */
export const notPinned: Labels = { [pinLabel]: '' }

/**
 * Why a name is ours: a set names it, or it is the name by digest that came with one. Noted on the content that the name
 * means, as labels of the image record itself are lost with every pull by the kubelet.
 */
export type Mark = 'name' | 'companion'

/** The key of a mark; its value is the name. */
export function markLabel(mark: Mark, name: string): string {
  return `stowage.dev/${mark}.${hexOf(digestOf(name)).slice(0, 16)}`
}

/** Whether a name is marked, by the labels of the content that it means. */
export function isMarked(mark: Mark, name: string, labels: Labels): boolean {
  return labels[markLabel(mark, name)] === name
}

const content = 'containerd.io/gc.ref.content'

/**
 * What containerd's garbage collector must keep with a manifest (containerd, docs/garbage-collection.md). Layers are kept
 * only where that is asked for: unpacked, they are snapshots. The one child that we keep of an index has a key of its own:
 * others count the children in keys like `m.0`, and not all the same ones.
 */
export function manifestLabels(
  manifest: Manifest,
  kept: { readonly child: Digest | undefined; readonly layers: boolean },
): Labels {
  if (manifest.kind === 'index') return kept.child ? { [`${content}.stowage`]: kept.child } : {}
  const layers = kept.layers ? manifest.layers.map(({ digest }, at) => [`${content}.l.${at}`, digest]) : []
  return { [`${content}.config`]: manifest.config.digest, ...Object.fromEntries(layers) }
}

/** What must be kept with a configuration: the snapshot of all its layers. */
export function configLabels(snapshotter: string, topChainId: Digest | undefined): Labels {
  return topChainId ? { [`containerd.io/gc.ref.snapshot.${snapshotter}`]: topChainId } : {}
}

/** What the CRI plugin must know of a compressed layer so that it need not unpack it to learn it. */
export function layerLabels(diffId: Digest): Labels {
  return { 'containerd.io/uncompressed': diffId }
}
