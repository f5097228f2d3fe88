import type { Digest } from '../oci/digest.ts'

/** An image that is here because somebody asked for it, and that nothing else keeps. Times are epoch milliseconds. */
export interface PulledImage {
  readonly repository: string
  /** The manifest or index that was asked for. */
  readonly root: Digest
  /** When it, or a part of it, was asked for last. */
  readonly usedAt: number
  /** When its last tag came to mean something else; undefined while it has one, or if it was asked for by digest. */
  readonly supersededAt: number | undefined
  /** What only pulled images keep in its repository, with sizes in bytes. */
  readonly content: ReadonlyMap<Digest, number>
}

export interface EvictionRules {
  /** What pulled images may take, bytes; Infinity if that is not bounded. */
  readonly budgetBytes: number
  /** An image whose tag means something else goes after this time without being asked for, milliseconds. */
  readonly keepSupersededMs: number
  /** What was asked for within this time stays: it may be on its way to its reader. Milliseconds. */
  readonly recentMs: number
}

export interface EvictionInput {
  readonly images: readonly PulledImage[]
  /** Bytes that something else keeps as well, in whichever repository. */
  readonly keptElsewhere: ReadonlySet<Digest>
  readonly rules: EvictionRules
  /** Bytes of the disk that are to become free. */
  readonly shortBytes: number
  /** As many if a blob that was refused is to have room as well: nothing goes for one that does not fit even then. */
  readonly shortWithRefusedBytes?: number | undefined
  readonly now: number
}

/** Why an image goes. */
export type EvictionReason = (typeof evictionReasons)[number]

export const evictionReasons = ['superseded', 'budget', 'room'] as const

export interface Eviction {
  readonly image: PulledImage
  readonly reason: EvictionReason
  /** Bytes that nobody else needs, but for images that go before it. */
  readonly bytes: number
}

/** What goes, in this order. */
export interface EvictionPlan {
  readonly evictions: readonly Eviction[]
  /** What pulled images, and nothing else, take now. */
  readonly pulledBytes: number
  /** And afterwards. */
  readonly leftBytes: number
  /** Bytes that cannot become free though they are to: what is left is kept by others, or was asked for a moment ago. */
  readonly stillShortBytes: number
}

/** A budget that is exceeded is undercut by this share of it, so that not every image which comes makes another one go. */
const slack = 0.05

/**
 * Decides which images go: those that were superseded long ago, and of the others those that nobody asked for longest, until the
 * rest is within the budget and enough of the disk is free. Bytes that several images share go with the last of them.
 */
export function planEviction(input: EvictionInput): EvictionPlan {
  const { shortBytes, shortWithRefusedBytes = shortBytes } = input
  const plan = planFor(input, shortWithRefusedBytes)
  if (plan.stillShortBytes === 0 || shortWithRefusedBytes <= shortBytes) return plan
  return { ...planFor(input, shortBytes), stillShortBytes: plan.stillShortBytes }
}

function planFor({ images, keptElsewhere, rules, now }: EvictionInput, shortBytes: number): EvictionPlan {
  const holders = countHolders(images, keptElsewhere)
  const pulledBytes = [...holders.values()].reduce((sum, { size }) => sum + size, 0)
  const target = pulledBytes > rules.budgetBytes ? rules.budgetBytes * (1 - slack) : Infinity
  const evictions: Eviction[] = []
  let freed = 0

  function evict(image: PulledImage, reason: EvictionReason): void {
    let bytes = 0
    for (const digest of image.content.keys()) {
      const holder = holders.get(digest)
      if (holder && --holder.count === 0) bytes += holder.size
    }
    freed += bytes
    evictions.push({ image, reason, bytes })
  }

  const oldestFirst = images.toSorted(byUse)
  for (const image of oldestFirst) if (isOutlived(image, rules, now)) evict(image, 'superseded')
  for (const image of oldestFirst) {
    const reason = pulledBytes - freed > target ? 'budget' : freed < shortBytes ? 'room' : undefined
    if (reason === undefined || now - image.usedAt < rules.recentMs) break
    if (!isOutlived(image, rules, now)) evict(image, reason)
  }
  const leftBytes = pulledBytes - freed
  return { evictions, pulledBytes, leftBytes, stillShortBytes: Math.max(0, shortBytes - freed) }
}

function isOutlived({ usedAt, supersededAt }: PulledImage, { keepSupersededMs }: EvictionRules, now: number): boolean {
  return supersededAt !== undefined && now - Math.max(usedAt, supersededAt) >= keepSupersededMs
}

function byUse(a: PulledImage, b: PulledImage): number {
  return a.usedAt - b.usedAt || compare(a.repository, b.repository) || compare(a.root, b.root)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** How many images need bytes that nothing else keeps. */
function countHolders(
  images: readonly PulledImage[],
  keptElsewhere: ReadonlySet<Digest>,
): Map<Digest, { readonly size: number; count: number }> {
  const holders = new Map<Digest, { readonly size: number; count: number }>()
  for (const { content } of images) {
    for (const [digest, size] of content) {
      if (keptElsewhere.has(digest)) continue
      const known = holders.get(digest)
      if (known) known.count++
      else holders.set(digest, { size, count: 1 })
    }
  }
  return holders
}
