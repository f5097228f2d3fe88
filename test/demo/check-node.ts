import { namesInLayout } from '../harness/verify-layout.ts'
import { watchArrivals } from './arrivals.ts'
import type { Island } from './bundle-to-island.ts'
import { wishedFor, type CastSite } from './cast.ts'
import { DemoFailure } from './demo-failure.ts'
import type { DemoSource } from './demo-source.ts'

/**
 * Reads every byte of every image on a node once more, as it lies there in the end, and looks for what should not be
 * there. Returns the bytes of the images.
 * @throws DemoFailure if the node is not as it should be
 */
export async function checkNode(source: DemoSource, node: CastSite | Island): Promise<number> {
  const wished = wishedFor(source, source.v2, node)
  const expected = wished.map((image) => image.expected.name).toSorted()
  const found = (await namesInLayout(node.images)).toSorted()
  const arrivals = watchArrivals(node.images)
  if (expected.join() === found.join() && (await arrivals.have(wished))) return arrivals.bytesSeen()
  throw new DemoFailure(`${node.name} has ${found.join(', ') || 'no image'}, but should have ${expected.join(', ')}`, {
    program: node.name,
  })
}
