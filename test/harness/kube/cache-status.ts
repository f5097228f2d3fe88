import { cacheStatusSchema, type CacheStatus } from '@stowage/controller/api/cache-status'
import { eventually } from '../eventually.ts'
import type { KubeApi } from './start-kube-api.ts'

/** Where kube-fledged's users have their caches. */
export const namespace = 'kube-fledged'

/** An ImageCache as kubectl prints it. */
export interface WrittenCache {
  readonly metadata: {
    readonly uid: string
    readonly generation: number
    readonly resourceVersion: string
    readonly annotations?: Readonly<Record<string, string>>
    readonly finalizers?: readonly string[]
  }
  readonly status?: CacheStatus
}

export function readCache(kube: Pick<KubeApi, 'get'>, name: string): Promise<WrittenCache> {
  return kube.get('imagecache', name, '--namespace', namespace)
}

/** The status of a cache, once it says the latest of its spec and `isSo`. */
export async function untilCacheStatus(
  kube: Pick<KubeApi, 'get'>,
  name: string,
  isSo: (status: CacheStatus) => boolean,
): Promise<CacheStatus> {
  let last: unknown
  const look = async (): Promise<CacheStatus | false> => {
    const { metadata, status } = await readCache(kube, name)
    last = status
    return status?.observedGeneration === metadata.generation && isSo(status) && cacheStatusSchema.parse(status)
  }
  return eventually(look, { what: `the status of ${name}`, withinMs: 60_000, everyMs: 200 }).catch((cause: unknown) => {
    throw new Error(`it said last: ${JSON.stringify(last)}`, { cause })
  })
}
