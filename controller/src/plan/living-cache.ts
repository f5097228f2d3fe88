import type { ImageCache } from '../api/image-cache.ts'
import type { CacheRecord } from '../memory/cache-record.ts'

/** An ImageCache that is there, with what the centre remembers of it. */
export interface LivingCache {
  readonly cache: ImageCache
  readonly record: CacheRecord
}
