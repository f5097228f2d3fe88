import { execa } from 'execa'
import { runnableImage } from '../harness/containerd/runnable-image.ts'
import type { Journey } from '../harness/journey.ts'
import { imageFlags, openLand } from '../harness/land.ts'

/** A file that is carried to a site without a link. */
export interface SiteBundle {
  readonly file: string
  /** An image in it that is not of Stowage, and what a container of it prints. */
  readonly image: string
  readonly text: string
}

/** Exports an image from a centre, and Stowage with it; registry and centre are gone when this resolves. */
export async function makeSiteBundle(journey: Journey, stowage: string): Promise<SiteBundle> {
  await using land = await openLand(journey)
  const text = 'carried here'
  const made = await runnableImage(land.works, { text, layerSizes: [90_000] })
  const { reference } = await land.works.push(made, land.source, 'shop/carried:v1')
  const file = journey.at('site.tar')
  const { code, stderr } = await land.export(file, ...imageFlags(reference), '--with', stowage)
  if (code !== 0) throw new Error(stderr)
  return { file, image: reference, text }
}

/** Unpacks what a bundle has for people; gives the directory. */
export async function unpackSiteFiles({ file }: SiteBundle, directory: string): Promise<string> {
  await execa('tar', ['--extract', '--file', file, '--directory', directory, 'stowage'])
  return `${directory}/stowage`
}
