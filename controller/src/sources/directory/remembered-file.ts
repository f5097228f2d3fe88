import * as z from 'zod'
import { edgeNodeSchema, toEdgeNode } from '../../api/edge-node.ts'
import { imageCacheSchema, toImageCache } from '../../api/image-cache.ts'
import type { KnownFile } from './fold-listing.ts'
import type { FileObject } from './parse-file.ts'

/**
 * The last good version of a file, kept in the store: a file that is broken when the centre starts, or a directory that is
 * not mounted then, must not look like deleted caches. Secrets are not kept: credentials stay where their owner put them.
 */
export const rememberedFileSchema = z.object({
  version: z.literal(1),
  objects: z.array(
    z.object({ kind: z.enum(['ImageCache', 'EdgeNode']), json: z.unknown(), line: z.number().int().min(1) }),
  ),
})
export type RememberedFile = z.infer<typeof rememberedFileSchema>

export function toRememberedFile({ objects }: KnownFile): RememberedFile {
  const kept = objects.flatMap(({ kind, json, line }) => (kind === 'Secret' ? [] : [{ kind, json, line }]))
  return { version: 1, objects: kept }
}

/** Objects that this version of the schemas refuses are left out. */
export function fromRememberedFile({ objects }: RememberedFile): KnownFile {
  return { signature: undefined, objects: objects.flatMap(readAgain), problems: [] }
}

function readAgain({ kind, json, line }: RememberedFile['objects'][number]): FileObject[] {
  if (kind === 'EdgeNode') {
    const node = edgeNodeSchema.safeParse(json).data
    return node ? [{ kind, value: toEdgeNode(node), json, line }] : []
  }
  const cache = imageCacheSchema.safeParse(json).data
  return cache ? [{ kind, value: toImageCache(cache), json, line }] : []
}
