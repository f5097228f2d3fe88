import { formatPlatform } from '@stowage/mirror/oci/platform'
import { makeIndex } from '../image-maker/make-image.ts'
import { startCentre, type Centre } from './centre.ts'
import type { Journey } from './journey.ts'
import { machinePlatform, otherPlatform } from './machine-platform.ts'
import {
  openImageWorks,
  startSourceRegistry,
  type ImageWorks,
  type PushedImage,
  type SourceRegistry,
} from './source-registry.ts'
import { runStowage, type Ran } from './stowage.ts'

/** Where bundles come from: a centre, and a registry that it gets images from. No node. */
export interface Land extends AsyncDisposable {
  readonly works: ImageWorks
  readonly source: SourceRegistry
  readonly centre: Centre
  /** An image for this platform and another one, pushed as `NAME:TAG`; images of one name share layers. */
  push(name: string, layerSizes: number[]): Promise<PushedImage>
  /** `stowage bundle export`. */
  export(file: string, ...flags: string[]): Promise<Ran>
}

export async function openLand(journey: Journey): Promise<Land> {
  await using opening = new AsyncDisposableStack()
  const works = await openImageWorks(journey.at('made'))
  const source = opening.use(await startSourceRegistry({ directory: journey.at('source') }))
  const centre = opening.use(await startCentre({ directory: journey.at('centre') }))
  const opened = opening.move()
  return {
    works,
    source,
    centre,
    async push(name, layerSizes) {
      const images = [
        await works.make({ seed: name.split(':')[0]!, layerSizes }),
        await works.make({ seed: `other ${name}`, platform: otherPlatform }),
      ]
      return works.push(await makeIndex(works.layout, images), source, name)
    },
    export: (file, ...flags) => runStowage(['bundle', 'export', '--central', centre.url, '-o', file, ...flags]),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

const platformFlags = ['--platform', formatPlatform(machinePlatform)]

/** Flags of an export of a cache in the namespace `default`, for machines like this one. */
export function cacheFlags(name: string): string[] {
  return ['--cache', `default/${name}`, ...platformFlags]
}

/** Flags of an export of single images, for machines like this one. */
export function imageFlags(...references: string[]): string[] {
  return [...references.flatMap((reference) => ['--image', reference]), ...platformFlags]
}
