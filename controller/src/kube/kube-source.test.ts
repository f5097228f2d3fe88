import { setInterval } from 'node:timers/promises'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { expect, it } from 'vitest'
import type { Wishes } from '../sources/wish-source.ts'
import { silentLog } from '../testing/silent-log.ts'
import type { KubeApi, KubeRequest } from './kube-api.ts'
import { imageCacheResource } from './kube-resource.ts'
import { openKubeSource } from './kube-source.ts'

const cache = {
  metadata: { name: 'shop', namespace: 'edge', uid: 'one', resourceVersion: '1', generation: 1 },
  spec: { cacheSpec: [{ images: ['registry.test/app:1'] }] },
}

/** An API server with one ImageCache; nothing is answered to a request before `may` resolves for its path. */
function fakeApi(may: (path: string) => Promise<void>): KubeApi {
  return {
    server: 'https://fake',
    request: async ({ path }: KubeRequest) => {
      await may(path)
      if (path.includes('customresourcedefinitions')) return { metadata: { uid: path } }
      return { metadata: { resourceVersion: '1' }, items: path === imageCacheResource.path ? [cache] : [] }
    },
    stream: async ({ signal }) => setInterval(60_000, undefined, { signal }),
    [Symbol.dispose]: () => undefined,
  }
}

it('wishes nothing before what it wishes is read, also where lists come while it looks', async () => {
  const lists = Promise.withResolvers<void>()
  const looked = Promise.withResolvers<void>()
  const api = fakeApi(async (path) => {
    if (path === imageCacheResource.path) await lists.promise
    if (!path.endsWith('/edgenodes.stowage.dev')) return
    // The ImageCaches were not there when their turn was, and are there before this look ends.
    lists.resolve()
    await looked.promise
  })
  const source = await openKubeSource({ api, objects: createMemoryStore(), log: silentLog })
  const seen = new Set<Wishes>()
  const stop = new AbortController()
  const onChange = (): void => void (source.state().wishes && seen.add(source.state().wishes!))
  const run = source.run({ signal: stop.signal, onChange })
  await expect.poll(() => source.imageCaches.state().isComplete).toBe(true)
  looked.resolve()
  await expect.poll(() => source.state().condition).toBe('ready')
  stop.abort()
  await run
  expect([...seen].map(({ caches }) => caches.map(({ name }) => name))).toEqual([['shop']])
})
