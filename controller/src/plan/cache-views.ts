import type { CacheView } from '../operator-api/views.ts'
import { statusOf } from './status-of.ts'
import type { World } from './world.ts'

/** Where every cache stands, as of now and not as last written down. */
export function cacheViews(world: World): CacheView[] {
  return world.caches.map((living) => {
    const { cache, record } = living
    return { namespace: cache.namespace, name: cache.name, uid: record.uid, ...statusOf(living, world) }
  })
}
