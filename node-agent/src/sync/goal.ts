import type { DesiredImage } from '@stowage/mirror/edge/set'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { Candidate } from '../plan/admit.ts'
import type { Passage } from '../plan/passage.ts'
import type { Hold } from '../runtime/runtime.ts'

/** What is to be brought here. */
export interface Goal {
  readonly images: readonly DesiredImage[]
  /** Sets whose images are not known yet. */
  readonly unknownSets: readonly Digest[]
  /** By name of an image: the highest is brought first. 0 for those that are not in it. */
  readonly priorities?: ReadonlyMap<string, number>
  /** Names of images that are not to be pinned. */
  readonly unpinned?: ReadonlySet<string>
  /** By name of an image: whether and how its bytes may come. Freely for those that are not in it. */
  readonly passages?: ReadonlyMap<string, Passage>
}

/** Under which attempts for an image are noted: another digest is another thing to try. */
export function subjectOf({ name, root }: DesiredImage): string {
  return `${name} ${root.digest}`
}

/** Under which attempts for a set are noted. */
export function setSubjectOf(digest: Digest): string {
  return `set ${digest}`
}

/** All of them, sets first. */
export function subjectsOf({ images, unknownSets }: Goal): string[] {
  return [...unknownSets.map(setSubjectOf), ...images.map(subjectOf)]
}

/** The highest comes first. */
export function priorityOf({ name }: DesiredImage, { priorities }: Goal): number {
  return priorities?.get(name) ?? 0
}

/** Whether its bytes may not come now. What has all of them needs no link. */
export function isShut({ image, restBytes }: Candidate, { passages }: Goal): boolean {
  return restBytes > 0 && passages?.get(image.name)?.isOpen === false
}

/** How an image is to be held. */
export function holdOf({ name }: DesiredImage, { unpinned }: Goal): Hold {
  return { pin: !unpinned?.has(name) }
}
