import path from 'node:path'
import { makeIndex, type MadeIndex } from '../image-maker/make-image.ts'
import { createOciLayout, type OciLayout } from '../image-maker/oci-layout.ts'
import { smallImage } from '../image-maker/small-image.ts'

export interface ClientImage {
  readonly layout: OciLayout
  readonly image: MadeIndex
  /** Its name in the layout. */
  readonly name: string
}

/** An image of two platforms for a client to push and pull; its layers are of some KB and of some MB. */
export async function makeClientImage(directory: string): Promise<ClientImage> {
  const layout = await createOciLayout(path.join(directory, 'layout'))
  const architectures = ['amd64', 'arm64'] as const
  const images = architectures.map((architecture) =>
    smallImage(layout, { platform: { os: 'linux', architecture }, layerSizes: [2_000, 3_000_000], seed: architecture }),
  )
  const name = 'app:v1'
  return { layout, name, image: await makeIndex(layout, await Promise.all(images), { name }) }
}

/** The digest that the mirror says a tag or digest of a repository has. */
export async function digestAt(url: string, repository: string, reference: string): Promise<string | null> {
  const response = await fetch(`${url}/v2/${repository}/manifests/${reference}`, { method: 'HEAD' })
  return response.ok ? response.headers.get('docker-content-digest') : null
}

/** The media type that a manifest at the mirror says it has. */
export async function mediaTypeAt(url: string, repository: string, reference: string): Promise<string | undefined> {
  const response = await fetch(`${url}/v2/${repository}/manifests/${reference}`)
  return response.ok ? ((await response.json()) as { readonly mediaType?: string }).mediaType : undefined
}
