import { imageNameOf } from '@stowage/mirror/edge/set'
import type { Removal } from '@stowage/mirror/edge/assignment'
import { isFault } from '@stowage/mirror/oci/fault'
import { parsePlatform, uniquePlatforms, type Platform } from '@stowage/mirror/oci/platform'
import { parseReference, referencePattern, type Reference } from '@stowage/mirror/oci/reference'
import * as z from 'zod'
import { defaultNamespace, objectMetaSchema } from './object-meta.ts'

export const imageCacheApiVersion = 'kubefledged.io/v1alpha2'

/** Text that `parse` accepts; what the parser says of other text becomes the message. `pattern` is what a cluster checks. */
function textFor(parse: (text: string) => unknown, meta: { readonly pattern: string }): z.ZodString {
  const schema = z.string().superRefine((text, context) => {
    try {
      parse(text)
    } catch (error) {
      if (!isFault(error)) throw error
      context.addIssue({ code: 'custom', message: error.message })
    }
  })
  return schema.meta(meta)
}

/** kube-fledged users write `""` where a list is to be empty: its webhook refuses `[]`. */
const imageSchema = textFor((text) => text === '' || parseReference(text), { pattern: `^(?:${referencePattern})?$` })

const platformSchema = textFor(parsePlatform, {
  pattern: '^[a-zA-Z0-9][a-zA-Z0-9._-]*(?:/[a-zA-Z0-9][a-zA-Z0-9._-]*){1,2}$',
})

const imageListSchema = z.strictObject({
  images: z.array(imageSchema).meta({
    description:
      'Images that the selected nodes are to have, as references: nginx, ghcr.io/a/b:1.2, a/b@sha256:… ' +
      'An empty text stands for no image.',
    // Refuses an image that is named twice, in a list of whatever length; the cost of a CEL rule would grow with its square.
    'x-kubernetes-list-type': 'set',
  }),
  nodeSelector: z
    .record(z.string(), z.string())
    .nullish()
    .describe('Labels that a node must have, all of them with these values. Empty or absent: every node.'),
  platforms: z
    .array(platformSchema)
    .nullish()
    .describe('Platforms that the mirror keeps besides those of the selected nodes, as OS/ARCH[/VARIANT].'),
})

const imageCacheSpecSchema = z.strictObject({
  cacheSpec: z.array(imageListSchema).describe('Lists of images, each with the nodes that are to have them.'),
  imagePullSecrets: z
    // kube-fledged's schema does not require the name.
    .array(z.strictObject({ name: z.string().nullish().describe('Name of the Secret.') }))
    .nullish()
    .describe("Secrets with credentials for registries, in this ImageCache's namespace."),
  deletionPolicy: z
    .enum(['Keep', 'Purge'])
    .nullish()
    .describe('What becomes of the images on the nodes when this ImageCache is deleted. Keep if absent.'),
})

/** `kubefledged.io/v1alpha2 ImageCache`, as kube-fledged users write it, plus optional fields of our own. */
export const imageCacheSchema = z
  .strictObject({
    apiVersion: z.literal(imageCacheApiVersion),
    kind: z.literal('ImageCache'),
    metadata: objectMetaSchema,
    spec: imageCacheSpecSchema.describe('Which images are to lie ready on which nodes.'),
    /** Written by the controller, ours or kube-fledged's; never read. */
    status: z.unknown().optional(),
  })
  .describe('Keeps container images on board of the selected nodes.')
export type ImageCacheObject = z.infer<typeof imageCacheSchema>

/** One image of a list: as its author wrote it, and the one name under which runtimes know it. */
export interface ListedImage {
  readonly written: string
  readonly name: string
  readonly reference: Reference
}

export interface ImageList {
  /** Each name once. */
  readonly images: readonly ListedImage[]
  readonly nodeSelector: Readonly<Record<string, string>>
  readonly platforms: readonly Platform[]
}

/** An ImageCache, complete: defaults filled in, references read. */
export interface ImageCache {
  readonly namespace: string
  readonly name: string
  /** Given by a cluster; a directory has none. */
  readonly uid: string | undefined
  /** Of the spec, as a cluster counts; a directory has none. */
  readonly generation: number | undefined
  readonly annotations: Readonly<Record<string, string>>
  readonly lists: readonly ImageList[]
  /** Names of Secrets in its namespace. */
  readonly pullSecrets: readonly string[]
  readonly removal: Removal
}

/** Fills in the defaults of a checked object. */
export function toImageCache({ metadata, spec }: ImageCacheObject): ImageCache {
  return {
    namespace: metadata.namespace ?? defaultNamespace,
    name: metadata.name,
    uid: metadata.uid ?? undefined,
    generation: metadata.generation ?? undefined,
    annotations: metadata.annotations ?? {},
    lists: spec.cacheSpec.map((list) => ({
      images: listedImages(list.images),
      nodeSelector: list.nodeSelector ?? {},
      platforms: uniquePlatforms((list.platforms ?? []).map(parsePlatform)),
    })),
    pullSecrets: (spec.imagePullSecrets ?? []).flatMap(({ name }) => name || []),
    removal: spec.deletionPolicy === 'Purge' ? 'remove' : 'keep',
  }
}

/** `namespace/name`, unique among caches. */
export function cacheKey({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`
}

function listedImages(images: readonly string[]): ListedImage[] {
  const byName = new Map<string, ListedImage>()
  for (const written of images) {
    if (written === '') continue
    const image = listedImage(written)
    if (!byName.has(image.name)) byName.set(image.name, image)
  }
  return [...byName.values()]
}

/**
 * Reads one image as a list holds it.
 * @throws Fault invalid
 */
export function listedImage(written: string): ListedImage {
  const reference = parseReference(written)
  return { written, name: imageNameOf(reference), reference }
}
