import { sameItems } from '../same-items.ts'
import { createRowsOf } from './image-row.ts'
import type { KnownNode } from './known-node.ts'
import { talliesOf } from './tallies-of.ts'
import { tallyOf, type Tally } from './tally.ts'
import { untoldNodes } from './untold-nodes.ts'
import type { World } from './world.ts'

interface Sum {
  readonly parts: readonly Tally[]
  readonly whole: Tally
}

const summedBefore = new WeakMap<KnownNode, Sum>()

/** What all caches together come to on a node: an image that two of them want is one copy. */
export function createNodeTallies(world: World): (node: KnownNode) => Tally {
  const byNode = Map.groupBy(
    world.caches.flatMap((living) => talliesOf(living, world)).filter(({ wanted }) => wanted > 0),
    ({ node }) => node,
  )
  const makers = world.caches.map((living) => once(() => createRowsOf(living, world, untoldNodes(living, world))))

  function together(node: KnownNode, parts: readonly Tally[]): Tally {
    const before = summedBefore.get(node)
    if (before && sameItems(before.parts, parts)) return before.whole
    const rows = makers.flatMap((rowsOf) => rowsOf()(node))
    const whole = tallyOf(node, [...new Map(rows.map((row) => [row.image.name, row])).values()])
    summedBefore.set(node, { parts, whole })
    return whole
  }

  return (node) => {
    const parts = byNode.get(node) ?? []
    const [first] = parts
    return first && parts.length === 1 ? first : together(node, parts)
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
