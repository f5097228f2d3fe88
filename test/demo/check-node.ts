import type { Island } from './bundle-to-island.ts'
import { wishedFor, type CastSite } from './cast.ts'
import { DemoFailure } from './demo-failure.ts'
import type { DemoSource } from './demo-source.ts'

/**
 * Reads every byte of every image on a node once more, as it lies there in the end, and looks for what should not be
 * there. Returns the bytes of the images.
 * @throws DemoFailure if the node is not as it should be
 */
export async function checkNode(source: DemoSource, { name, place, runtime }: CastSite | Island): Promise<number> {
  const wished = wishedFor(source, source.v2, { place })
  const expected = wished.map((image) => image.expected.name).toSorted()
  const arrivals = runtime.watch()
  const found = (await arrivals.names()).toSorted()
  if (expected.join() !== found.join() || !(await arrivals.have(wished))) {
    const words = `${name} has ${found.join(', ') || 'no image'}, but should have ${expected.join(', ')}`
    throw new DemoFailure(words, { program: name })
  }
  const strays = await arrivals.strays()
  if (strays.length === 0) return arrivals.bytesSeen()
  throw new DemoFailure(`${name} has what no image needs: ${strays.join(', ')}`, { program: name })
}
