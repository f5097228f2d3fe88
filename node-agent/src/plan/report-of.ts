import type { FaultReport, ImageReport, ImageState } from '@stowage/mirror/edge/report'
import type { DesiredImage } from '@stowage/mirror/edge/set'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { ImageGraph, RuntimeImage } from '../runtime/runtime.ts'
import type { Attempt } from '../state/attempts.ts'
import type { HeldBack } from './admit.ts'
import { dueInMs } from './back-off.ts'

/** A name that goes, or that would if no container ran from it. */
export interface GoingImage {
  readonly name: string
  readonly digest: Digest
  readonly state: 'removing' | 'in-use'
}

/** All that is known of a node's images at one instant. */
export interface ImagesView {
  readonly wanted: readonly DesiredImage[]
  /** By name: what the runtime listed. */
  readonly listed: ReadonlyMap<string, RuntimeImage>
  /** By root digest. */
  readonly graphs: ReadonlyMap<Digest, ImageGraph>
  readonly going: readonly GoingImage[]
  readonly heldBack: readonly HeldBack[]
  /** By name of an image that waits for a window: milliseconds until it opens, null if that is not known. */
  readonly windows?: ReadonlyMap<string, number | null>
  /** What is done for an image now; undefined if nothing is. */
  readonly phaseOf: (image: DesiredImage) => 'fetching' | 'publishing' | undefined
  readonly attemptOf: (image: DesiredImage) => Attempt | undefined
  /** Bytes of an image's blob that lie on this node's disks for certain. */
  readonly bytesHere: (graph: ImageGraph, blob: Digest) => number
}

const longestMessage = 1000

/** What a report says of a node's images. @param now epoch milliseconds */
export function imageReportsOf(view: ImagesView, now: number): ImageReport[] {
  const going = new Set(view.going.map(({ name }) => name))
  return [
    ...view.wanted.filter(({ name }) => !going.has(name)).map((image) => imageReportOf(image, view, now)),
    ...view.going.map((image): ImageReport => ({ ...image, bytesHere: 0, bytesTotal: null })),
  ]
}

function imageReportOf(image: DesiredImage, view: ImagesView, now: number): ImageReport {
  const state = stateOf(image, view)
  const graph = view.graphs.get(image.root.digest)
  const fault = state === 'waiting' || state === 'fetching' ? faultOf(image, view, now) : undefined
  const opensInMs = state === 'waiting' ? view.windows?.get(image.name) : undefined
  return {
    name: image.name,
    digest: image.root.digest,
    state,
    bytesHere: graph ? bytesHereOf(graph, state, view) : 0,
    bytesTotal: graph ? sizeOf(graph) : null,
    ...(fault ? { fault } : {}),
    ...(opensInMs === undefined ? {} : { window: { opensInMs } }),
  }
}

function stateOf(image: DesiredImage, { listed, phaseOf }: ImagesView): ImageState {
  if (listed.get(image.name)?.digest === image.root.digest) return 'present'
  return phaseOf(image) ?? 'waiting'
}

function bytesHereOf(graph: ImageGraph, state: ImageState, { bytesHere }: ImagesView): number {
  if (state === 'present') return sizeOf(graph)
  return graph.blobs.reduce((sum, blob) => sum + Math.min(blob.size, bytesHere(graph, blob.digest)), 0)
}

function sizeOf({ blobs }: ImageGraph): number {
  return blobs.reduce((sum, { size }) => sum + size, 0)
}

function faultOf(image: DesiredImage, { attemptOf, heldBack }: ImagesView, now: number): FaultReport | undefined {
  const held = heldBack.find((entry) => entry.image.name === image.name)
  if (held) {
    const message = `no space: ${held.shortBytes} bytes more must become free on the node's disk`
    return { code: 'no-space', message, attempts: 1, retryInMs: 0 }
  }
  const attempt = attemptOf(image)
  if (!attempt) return undefined
  const { code, message, tries } = attempt
  return { code, message: message.slice(0, longestMessage), attempts: tries, retryInMs: dueInMs(attempt, now) }
}
