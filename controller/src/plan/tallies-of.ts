import type { ImageList } from '../api/image-list.ts'
import type { Resolution, Resolutions } from '../memory/resolution.ts'
import { sameItems } from '../same-items.ts'
import { createRowsOf, type RowsInput } from './image-row.ts'
import { selects, type KnownNode } from './known-node.ts'
import type { LivingCache } from './living-cache.ts'
import { isObserved } from './observe-cache.ts'
import { tallyOf, type Tally } from './tally.ts'
import { untoldNodes } from './untold-nodes.ts'
import type { World } from './world.ts'

type Known = RowsInput & Pick<World, 'caches'>

/** What tallies of a cache follow from besides the node. */
interface Basis {
  readonly epoch: string
  readonly spec: string
  readonly purged: boolean
  readonly resolutions: readonly (Resolution | undefined)[]
}

interface Remembered {
  readonly basis: Basis | undefined
  /** By name of a node; undefined for one that the cache does not select. */
  readonly tallies: Map<string, Counted>
}

interface Counted {
  readonly node: KnownNode
  readonly tally: Tally | undefined
}

/**
 * By uid of a cache, for as long as there is the centre's memory. A report changes one node of ten thousand: the others are
 * counted once, and not with each look at the world.
 */
const rememberedBy = new WeakMap<Resolutions, Map<string, Remembered>>()

/** What a cache comes to on each of the nodes that it selects, in the world's order. */
export function talliesOf(living: LivingCache, world: Known): Tally[] {
  const { tallies } = rememberedFor(living, world)
  if (tallies.size > 2 * world.nodes.length + 100) tallies.clear()
  const untold = untoldNodes(living, world)
  const rowsOf = createRowsOf(living, world, untold)
  const { lists } = living.cache
  return world.nodes.flatMap((node) => {
    // What is held back hangs on what all others do.
    if (untold.has(node.name)) return tallyFor(node, lists, rowsOf) ?? []
    const known = tallies.get(node.name)
    if (known?.node === node) return known.tally ?? []
    const isKept = known !== undefined && standsAsBefore(known, node)
    const tally = isKept ? known.tally && { ...known.tally, node } : tallyFor(node, lists, rowsOf)
    tallies.set(node.name, { node, tally })
    return tally ?? []
  })
}

/** Whether a node's next report changes nothing of what is counted: most are made to be heard of only. */
function standsAsBefore({ node: old, tally }: Counted, node: KnownNode): boolean {
  if (!old.heard || !node.heard || old.labels !== node.labels || old.platform !== node.platform) return false
  // When those are tried again is counted from the report.
  if (tally && (tally.failed.length > 0 || tally.opensAt !== Infinity)) return false
  const [before, now] = [old.heard, node.heard]
  const isSame = before.report.images === now.report.images && before.failures === now.failures
  return isSame && before.report.acknowledged?.epoch === now.report.acknowledged?.epoch
}

function tallyFor(
  node: KnownNode,
  lists: readonly ImageList[],
  rowsOf: ReturnType<typeof createRowsOf>,
): Tally | undefined {
  return lists.some((list) => selects(list, node)) ? tallyOf(node, rowsOf(node)) : undefined
}

function rememberedFor(living: LivingCache, { epoch, caches, resolutions }: Known): Remembered {
  const { uid, spec, purged, names } = living.record
  // The record speaks of another spec: nothing of it is to be found again.
  if (!isObserved(living)) return { basis: undefined, tallies: new Map() }
  const all = rememberedBy.get(resolutions) ?? new Map<string, Remembered>()
  rememberedBy.set(resolutions, all)
  const basis: Basis = { epoch, spec, purged, resolutions: names.map((name) => resolutions.get(name)) }
  const known = all.get(uid)
  if (known?.basis && isSame(known.basis, basis)) return known
  const there = new Set(caches.map(({ record }) => record.uid))
  for (const other of all.keys()) if (!there.has(other)) all.delete(other)
  const next: Remembered = { basis, tallies: new Map() }
  all.set(uid, next)
  return next
}

function isSame(one: Basis, other: Basis): boolean {
  return (
    one.epoch === other.epoch &&
    one.spec === other.spec &&
    one.purged === other.purged &&
    sameItems(one.resolutions, other.resolutions)
  )
}
