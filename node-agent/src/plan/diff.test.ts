import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DesiredImage } from '@stowage/mirror/edge/set'
import { digestOf, type Digest } from '@stowage/mirror/oci/digest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import type { ImageGraph, RuntimeImage } from '../runtime/runtime.ts'
import { diff, type Have, type Step } from './diff.ts'

const image = (name: string, version: string): DesiredImage => ({
  name,
  root: { mediaType: mediaTypes.manifest, digest: digestOf(version), size: 1 },
})
const graphOf = ({ root }: DesiredImage): ImageGraph => ({ root }) as ImageGraph

function haveOf(images: readonly RuntimeImage[], known: readonly DesiredImage[]): Have {
  return {
    images: new Map(images.map((entry) => [entry.name, entry])),
    graphs: new Map(known.map((entry) => [entry.root.digest, graphOf(entry)])),
  }
}

/** The world as it is once the steps are done. */
function done(have: Have, steps: readonly Step[]): Have {
  const images = new Map(have.images)
  const graphs = new Map<Digest, ImageGraph>(have.graphs)
  for (const {
    kind,
    image: { name, root },
  } of steps) {
    if (kind === 'learn') graphs.set(root.digest, graphOf({ name, root }))
    else images.set(name, { name, digest: root.digest, owned: true })
  }
  return { images, graphs }
}

describe('the way from what is there to what is wanted', () => {
  const wanted = image('a', 'v1')
  it.each([
    ['nothing, where it is there and ours', [{ name: 'a', digest: digestOf('v1'), owned: true }], [wanted], []],
    ['taking it on, where others brought it', [{ name: 'a', digest: digestOf('v1'), owned: false }], [], ['adopt']],
    ['reading its manifests first', [], [], ['learn']],
    ['bringing it', [], [wanted], ['bring']],
    [
      'bringing it, where the name means something else',
      [{ name: 'a', digest: digestOf('v0'), owned: true }],
      [wanted],
      ['bring'],
    ],
  ])('is %s', (_, images, known, kinds) => {
    expect(diff([wanted], haveOf(images, known)).map(({ kind }) => kind)).toEqual(kinds)
  })

  it.each([
    [true, [], 0],
    [true, ['a'], 1],
    [false, [], 1],
    [false, ['a'], 0],
    [undefined, ['a'], 0],
  ])(
    'is holding it anew, where it is not held as it is to be: pinned %s, and %j are not to be',
    (pinned, names, steps) => {
      const have = haveOf([{ name: 'a', digest: digestOf('v1'), owned: true, pinned }], [])
      expect(diff([wanted], have, { unpinned: new Set(names) }).map(({ kind }) => kind)).toEqual(
        Array.from({ length: steps }, () => 'adopt'),
      )
    },
  )

  it('has an end: once all steps are done, twice at most, nothing is left to do', () => {
    const name = fc.constantFrom('a', 'b', 'c')
    const version = fc.constantFrom('v1', 'v2')
    const images = fc.uniqueArray(
      fc.tuple(name, version).map((pair) => image(...pair)),
      { selector: (i) => i.name },
    )
    const listed = fc.uniqueArray(
      fc.tuple(name, version, fc.boolean()).map(([n, v, owned]) => ({ name: n, digest: digestOf(v), owned })),
      { selector: (i) => i.name },
    )
    fc.assert(
      fc.property(images, listed, images, (all, there, known) => {
        const have = haveOf(there, known)
        const learnt = done(have, diff(all, have))
        const brought = done(learnt, diff(all, learnt))
        expect(diff(all, brought)).toEqual([])
      }),
    )
  })
})
