import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import { makeImage, makeIndex, type MadeImage } from '../../image-maker/make-image.ts'
import type { OciLayout } from '../../image-maker/oci-layout.ts'
import { randomLayer, smallImage } from '../../image-maker/small-image.ts'
import { machinePlatform, otherPlatform } from '../machine-platform.ts'

/** An image of which nothing can be run here, and what is said of it. */
export interface BadImage {
  readonly root: Descriptor
  /** By the agent. */
  readonly words: RegExp
  /** By a centre that does not even hand it on; left out if it does. */
  readonly centreWords?: RegExp
}

/** One of each kind, by a name for it. */
export async function makeBadImages(layout: OciLayout): Promise<Record<string, BadImage>> {
  const elsewhere = await smallImage(layout, { seed: 'elsewhere', platform: otherPlatform })
  const layers = [randomLayer(5_000, 'lower'), randomLayer(6_000, 'upper')]
  const sound = await makeImage({ layout, platform: machinePlatform, layers })
  return {
    'other-index': {
      root: (await makeIndex(layout, [elsewhere])).index,
      words: /no manifest for linux\/\w+; there are linux\/\w+/,
      centreWords: /it offers linux\/\w+; none of linux\/\w+ is to be had/,
    },
    'other-manifest': {
      root: elsewhere.manifest,
      words: /the image is for linux\/\w+, and this node is linux\/\w+/,
    },
    artifact: {
      root: await makeArtifact(layout, elsewhere),
      words: /is no container image \(its configuration is application\/vnd\.example\.recipe\.v1\+json\)/,
    },
    'other-layers': {
      root: await manifestOf(layout, sound.config, sound.layers.toReversed()),
      words: /layer \S+ is sha256:\w+ when it is unpacked, but the image's configuration says sha256:\w+/,
    },
    'fewer-layers': {
      root: await manifestOf(layout, sound.config, sound.layers.slice(0, 1)),
      words: /has 1 layers, but its configuration speaks of 2/,
    },
  }
}

async function makeArtifact(layout: OciLayout, { layers }: MadeImage): Promise<Descriptor> {
  const config = await layout.putJson('application/vnd.example.recipe.v1+json', { for: 'bread' })
  return manifestOf(layout, config, layers)
}

function manifestOf(layout: OciLayout, config: Descriptor, layers: readonly Descriptor[]): Promise<Descriptor> {
  return layout.putJson(mediaTypes.manifest, {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config,
    layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  })
}
