import type { DesiredImage } from '@stowage/mirror/edge/set'

/** An image that waits for its bytes. */
export interface Candidate {
  readonly image: DesiredImage
  /** Bytes of it that are still to come. */
  readonly restBytes: number
  /** Bytes still to come of the largest of its blobs. */
  readonly largestRestBytes: number
  /** Its transfer goes on already. */
  readonly running: boolean
  /** The highest comes first. */
  readonly priority: number
}

/** What the disks still take, in bytes. */
export interface Room {
  /** Where images live. */
  readonly runtimeBytes: number
  /** Where half-fetched blobs lie until the runtime takes them over. */
  readonly partsBytes: number
  /** What is to stay free on both. */
  readonly reserveBytes: number
  /** How much of the disk for images one byte of a blob takes at most. */
  readonly bytesPerBlobByte: number
}

/** Why an image is not fetched although it is wanted. */
export interface HeldBack {
  readonly image: DesiredImage
  /** Bytes that would have to become free. */
  readonly shortBytes: number
}

export interface Admission {
  /** In the order in which they are to be served: by priority, then what goes on already, then what is done soonest. */
  readonly admitted: readonly DesiredImage[]
  readonly heldBack: readonly HeldBack[]
}

/**
 * Which images are fetched now. What has begun goes on; of the rest only those of the highest priority begin, so that others
 * do not share the link with them, and those that need least come first. Each begins only if all that it needs fits beside
 * those before it: a disk filled by two halves holds no image.
 *
 * @param awaited the highest priority of images of which it is just being read what they need: nothing of a lower one begins
 */
export function admit(candidates: readonly Candidate[], room: Room, awaited = -Infinity): Admission {
  const admitted: Candidate[] = []
  const heldBack: HeldBack[] = []
  let left = room.runtimeBytes
  for (const candidate of candidates.toSorted((a, b) => byRunning(a, b) || inTurn(a, b))) {
    const { image, restBytes, running } = candidate
    const shortBytes = shortBytesOf(candidate, { ...room, runtimeBytes: left })
    if (!running && shortBytes > 0) heldBack.push({ image, shortBytes })
    else {
      admitted.push(candidate)
      left -= restBytes * room.bytesPerBlobByte
    }
  }
  const highest = admitted.reduce((most, { priority }) => Math.max(most, priority), awaited)
  const served = admitted.filter(({ running, priority }) => running || priority === highest)
  return { admitted: served.toSorted(inTurn).map(({ image }) => image), heldBack }
}

function byRunning(a: Candidate, b: Candidate): number {
  return Number(b.running) - Number(a.running)
}

function inTurn(a: Candidate, b: Candidate): number {
  return b.priority - a.priority || byRunning(a, b) || a.restBytes - b.restBytes
}

/** Bytes that would have to become free for these to fit; 0 if they do, or if nothing is still to come. */
export function shortBytesOf(
  { restBytes, largestRestBytes }: Pick<Candidate, 'restBytes' | 'largestRestBytes'>,
  { runtimeBytes, partsBytes, reserveBytes, bytesPerBlobByte }: Room,
): number {
  if (restBytes === 0) return 0
  const shortOfImages = restBytes * bytesPerBlobByte - (runtimeBytes - reserveBytes)
  return Math.max(0, shortOfImages, largestRestBytes - (partsBytes - reserveBytes))
}
