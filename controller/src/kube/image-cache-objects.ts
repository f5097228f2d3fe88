import { isFault } from '@stowage/mirror/oci/fault'
import { fieldProblem, fieldProblems, type FieldProblem } from '../api/field-problem.ts'
import { imageCacheSchema, toImageCache, type ImageCache } from '../api/image-cache.ts'
import type { KubeObject } from './kube-object.ts'

/** An ImageCache of a cluster. */
export interface CacheObject {
  readonly object: KubeObject
  /** The last version without a problem; undefined if there was none. */
  readonly good: { readonly object: KubeObject; readonly cache: ImageCache } | undefined
  /** Of the latest version. */
  readonly problems: readonly FieldProblem[]
}

/** Reads an object; one with a problem keeps what was good before. */
export function readCacheObject(object: KubeObject, before: CacheObject | undefined): CacheObject {
  if (before?.object === object) return before
  const result = imageCacheSchema.safeParse(object)
  const isSame = before?.object.metadata.uid === object.metadata.uid
  const last = isSame ? before.good : undefined
  if (!result.success) return { object, good: last, problems: fieldProblems(result.error) }
  try {
    return { object, good: { object, cache: toImageCache(result.data) }, problems: [] }
  } catch (error) {
    if (!isFault(error, 'invalid')) throw error
    return { object, good: last, problems: [fieldProblem([], error.message)] }
  }
}
