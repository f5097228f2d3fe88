import type { Removal } from '@stowage/mirror/edge/assignment'
import { durationPattern, parseDuration } from '@stowage/mirror/duration'
import type { Transfer } from '@stowage/mirror/edge/transfer'
import { Fault } from '@stowage/mirror/oci/fault'
import * as z from 'zod'
import { duplicateImageRule, refreshRule } from './cel-rule.ts'
import { imageListSchema, toImageList, type ImageList } from './image-list.ts'
import { defaultNamespace, objectMetaSchema } from './object-meta.ts'
import { parallelismSchema, toParallelism, type Parallelism } from './parallelism.ts'
import { textSchema } from './text-schema.ts'
import { toTransfer, transferSpecSchema } from './transfer.ts'

export const imageCacheApiVersion = 'kubefledged.io/v1alpha2'

const durationSchema = textSchema(parseDuration, { pattern: durationPattern })

/** Anybody who may make an ImageCache may have it looked up: registries are not to suffer from that. */
const refreshSchema = textSchema(
  (text) => {
    const ms = parseDuration(text)
    if (ms > 0 && ms < 10_000) throw new Fault('invalid', `"${text}" is too often: 0s (never), or 10s and longer`)
  },
  { pattern: durationPattern, 'x-kubernetes-validations': [refreshRule] },
)

const imageCacheSpecSchema = z.strictObject({
  cacheSpec: z
    .array(imageListSchema)
    // More than fit into an object; without a bound what is asked of parts of a list would cost too much.
    .max(10_000)
    .meta({
      description: 'Lists of images, each with the nodes that are to have them.',
      'x-kubernetes-validations': [duplicateImageRule],
    }),
  imagePullSecrets: z
    // kube-fledged's schema does not require the name.
    .array(z.strictObject({ name: z.string().nullish().describe('Name of the Secret.') }))
    .nullish()
    .describe("Secrets with credentials for registries, in this ImageCache's namespace."),
  imagePullPolicy: z
    .enum(['Always', 'IfNotPresent'])
    .nullish()
    .describe(
      'Always, or absent: a tag is looked up again at each refresh. ' +
        'IfNotPresent: it is looked up once, and means what it meant then.',
    ),
  refreshFrequency: refreshSchema
    .nullish()
    .describe('How often tags are looked up again: 15m, 1h30m, 0s for never. As the controller is told if absent.'),
  imagePullDeadlineDuration: durationSchema
    .nullish()
    .describe(
      'Taken over from users of kube-fledged, and without effect: no image is given up, however long it takes, ' +
        'and what fails is said at once.',
    ),
  parallelism: parallelismSchema
    .nullish()
    .describe(
      'On how many of the selected nodes images may be on their way at a time, as a number or a share (10%). ' +
        'The others keep what they have until it is their turn; 0 stands still. Absent: on all.',
    ),
  transfer: transferSpecSchema
    .nullish()
    .describe(
      'When and how fast nodes fetch layers. If several ImageCaches want an image, the most generous one decides. ' +
        'Bundles on disks know neither.',
    ),
  suspend: z
    .boolean()
    .nullish()
    .describe('Stands still as long as it is true: nothing is looked up or told to nodes, and what is there stays.'),
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
  /** `once`: what a tag meant when it was looked up first is what it means. */
  readonly lookUp: 'again' | 'once'
  /** How often tags are looked up again, in milliseconds, 0 for never; undefined if it is not for this cache to say. */
  readonly refreshMs: number | undefined
  /** On how many nodes images may be on their way at a time; undefined if there is no limit. */
  readonly parallelism: Parallelism | undefined
  /** When and how fast nodes may fetch; undefined if it does not say. */
  readonly transfer: Transfer | undefined
  /** Nothing new is to happen. */
  readonly isSuspended: boolean
  /** It says how long a pull may take, which nothing follows from. */
  readonly hasDeadline: boolean
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
    lists: spec.cacheSpec.map(toImageList),
    pullSecrets: (spec.imagePullSecrets ?? []).flatMap(({ name }) => name || []),
    lookUp: spec.imagePullPolicy === 'IfNotPresent' ? 'once' : 'again',
    refreshMs: typeof spec.refreshFrequency === 'string' ? parseDuration(spec.refreshFrequency) : undefined,
    parallelism: toParallelism(spec.parallelism),
    transfer: toTransfer(spec.transfer),
    isSuspended: spec.suspend === true,
    hasDeadline: typeof spec.imagePullDeadlineDuration === 'string',
    removal: spec.deletionPolicy === 'Purge' ? 'remove' : 'keep',
  }
}

/** `namespace/name`, unique among caches. */
export function cacheKey({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`
}
