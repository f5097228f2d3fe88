import type { ImageCache } from '../api/image-cache.ts'
import type { SourceProblem } from '../sources/wish-source.ts'
import { isDeleting } from './fold-objects.ts'
import type { CacheObject } from './image-cache-objects.ts'

/** What is in force of the ImageCaches, by key. Those that are being deleted are wanted no more. */
export function cachesInForce(caches: ReadonlyMap<string, CacheObject>): Map<string, ImageCache> {
  const wanted = [...caches].filter(([, { object }]) => !isDeleting(object))
  return new Map(wanted.flatMap(([key, { good }]) => (good ? [[key, good.cache] as const] : [])))
}

export function cacheProblems(caches: ReadonlyMap<string, CacheObject>): SourceProblem[] {
  return [...caches].flatMap(([key, { problems }]) =>
    problems.map(({ field, message }): SourceProblem => {
      return { severity: 'error', file: `ImageCache ${key}`, field, message, caches: [key] }
    }),
  )
}
