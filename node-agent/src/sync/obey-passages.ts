import type { DesiredImage } from '@stowage/mirror/edge/set'
import type { Digest } from '@stowage/mirror/oci/digest'
import { lanesOf } from '../plan/passage.ts'
import type { ImageGraph } from '../runtime/runtime.ts'
import { subjectOf, type Goal } from './goal.ts'
import type { Phase } from './image-sync.ts'
import type { Pursuits } from './pursuits.ts'
import type { Transfers } from './transfers.ts'

export interface ObeyOptions {
  /** By root digest: what is known of the images. */
  readonly graphs: ReadonlyMap<Digest, ImageGraph>
  readonly transfers: Pick<Transfers, 'allot' | 'end'>
  readonly pursuits: Pick<Pursuits, 'end'>
  readonly phaseOf: (image: DesiredImage) => Phase | undefined
}

/** Ends what may not come now, and sets the limits of the rest. What has all its bytes is not cut short. */
export function obeyPassages({ images, passages }: Goal, { graphs, transfers, pursuits, phaseOf }: ObeyOptions): void {
  const known = images.flatMap((image) => {
    const [graph, passage] = [graphs.get(image.root.digest), passages?.get(image.name)]
    return graph ? [{ image, graph, isOpen: passage?.isOpen ?? true, lane: passage?.lane }] : []
  })
  const [open, closed] = [known.filter(({ isOpen }) => isOpen), known.filter(({ isOpen }) => !isOpen)]
  transfers.allot(lanesOf(open))
  const fetching = closed.map(({ image }) => image).filter((image) => phaseOf(image) === 'fetching')
  pursuits.end(new Set(fetching.map(subjectOf)))
  transfers.end(digestsOf(closed).difference(digestsOf(open)))
}

function digestsOf(images: readonly { readonly graph: ImageGraph }[]): Set<Digest> {
  return new Set(images.flatMap(({ graph }) => graph.blobs.map(({ digest }) => digest)))
}
