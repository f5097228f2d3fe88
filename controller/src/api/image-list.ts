import { nodeNameSchema } from '@stowage/mirror/edge/node-name'
import { imageNameOf } from '@stowage/mirror/edge/set'
import { parsePlatform, uniquePlatforms, type Platform } from '@stowage/mirror/oci/platform'
import { parseReference, referencePattern, type Reference } from '@stowage/mirror/oci/reference'
import * as z from 'zod'
import { labelSelectorSchema, requirementsOf, type LabelRequirement } from './label-selector.ts'
import { textSchema } from './text-schema.ts'

/** kube-fledged users write `""` where a list is to be empty: its webhook refuses `[]`. */
const imageSchema = textSchema((text) => text === '' || parseReference(text), {
  pattern: `^(?:${referencePattern})?$`,
  // A name of 255, a tag of 128, a digest of sha512; without a bound a rule in CEL would cost too much.
  maxLength: 520,
})

const platformSchema = textSchema(parsePlatform, {
  pattern: '^[a-zA-Z0-9][a-zA-Z0-9._-]*(?:/[a-zA-Z0-9][a-zA-Z0-9._-]*){1,2}$',
})

/** One of the lists in `cacheSpec`. */
export const imageListSchema = z.strictObject({
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
  selector: labelSelectorSchema
    .nullish()
    .describe('What is asked of the labels of a node besides, as in a LabelSelector of Kubernetes.'),
  nodeNames: z
    .array(nodeNameSchema)
    .nullish()
    .describe('Nodes by name: of those that the selectors match, only these. Empty or absent: all of those.'),
  priority: z
    .number()
    .int()
    .min(-1000)
    .max(1000)
    .nullish()
    .describe('Nodes bring images of the highest priority first, of whatever list and ImageCache. 0 if absent.'),
  pin: z
    .boolean()
    .nullish()
    .describe(
      "Whether nodes hold the images against the kubelet's image collection. True if absent. " +
        'An image of several lists is held if one of them wants it.',
    ),
  platforms: z
    .array(platformSchema)
    .nullish()
    .describe('Platforms that the mirror keeps besides those of the selected nodes, as OS/ARCH[/VARIANT].'),
})

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
  /** Asked of a node's labels besides. */
  readonly requirements: readonly LabelRequirement[]
  /** Only these; all if it is empty. */
  readonly nodeNames: readonly string[]
  /** The highest comes first. */
  readonly priority: number
  /** Whether nodes hold the images against the collection of their runtime. */
  readonly pin: boolean
  readonly platforms: readonly Platform[]
}

/** Fills in the defaults of a checked list. */
export function toImageList(list: z.infer<typeof imageListSchema>): ImageList {
  return {
    images: listedImages(list.images),
    nodeSelector: list.nodeSelector ?? {},
    requirements: requirementsOf(list.selector ?? {}),
    nodeNames: list.nodeNames ?? [],
    priority: list.priority ?? 0,
    pin: list.pin ?? true,
    platforms: uniquePlatforms((list.platforms ?? []).map(parsePlatform)),
  }
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
