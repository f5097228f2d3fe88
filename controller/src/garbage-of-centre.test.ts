import { descriptorOf, parseManifest } from '@stowage/mirror/oci/manifest'
import { mediaTypes } from '@stowage/mirror/oci/media-type'
import { Fault } from '@stowage/mirror/oci/fault'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import { collectGarbage } from '@stowage/mirror/store/gc/collect-garbage'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { controllerRoots } from './mirroring/controller-roots.ts'
import {
  createFakeNode,
  createFakeSource,
  startCentre,
  type Centre,
  type FakeNode,
  type FakeSource,
} from './testing/centre.ts'
import { createFakeUpstream, type FakeUpstream } from './testing/fake-upstream.ts'
import { aCache } from './testing/world.ts'

const repository = 'docker.io/library/nginx'
const dayMs = 24 * 3600_000
const until = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 30_000, interval: 5 })

describe('garbage of a store that a centre uses', () => {
  let source: FakeSource
  let upstream: FakeUpstream
  let centre: Centre
  let node: FakeNode
  let now: number
  let isForgetful: boolean

  beforeEach(async () => {
    isForgetful = true
    source = createFakeSource()
    upstream = createFakeUpstream()
    now = 1_000_000
    centre = await startCentre({ source, upstream, now: () => now, objects: createObjects() })
    node = createFakeNode('n', centre)
    await node.say()
  })
  afterEach(async () => await centre[Symbol.asyncDispose]())

  /** Does not let resolutions go while it is not to be forgetful. */
  function createObjects(): ObjectStore {
    const inner = createMemoryStore()
    return {
      ...inner,
      async delete(key, etag) {
        if (!isForgetful && key.startsWith('controller/resolutions/')) throw new Fault('unavailable', 'the disk fails')
        return await inner.delete(key, etag)
      },
    }
  }

  /** As long as anything goes that may go, with no patience for what is new. */
  async function collect(): Promise<void> {
    const rules = { graceMs: 0, untaggedMs: 0, youngMs: 0 }
    const roots = [controllerRoots(centre.objects)]
    for (let turn = 1; turn <= 5; turn++) {
      const later = (): number => Date.now() + turn * 1000
      await collectGarbage({ objects: centre.objects, rules, roots, now: later, isAlone: true })
    }
  }

  async function wish(cache: ReturnType<typeof aCache>, count = 1): Promise<void> {
    source.wish([cache])
    await until(async () => expect((await node.sets()).flatMap(({ images }) => images)).toHaveLength(count))
  }

  const holds = async (digest: string): Promise<boolean> =>
    (await centre.content.repository(repository).manifest(digest)) !== undefined

  const layersOf = async (digest: string): Promise<boolean[]> => {
    const manifest = await centre.content.repository(repository).manifest(digest)
    const blobs = manifest?.kind === 'manifest' ? [manifest.config, ...manifest.layers] : []
    return await Promise.all(blobs.map((blob) => centre.content.repository(repository).hasBlob(blob)))
  }

  it('is nothing that its nodes are told, although sets and what is asked for by digest have no tags', async () => {
    const { digest } = upstream.push(repository, '1', 'v1')
    await wish(aCache('a', [`nginx@${digest}`]))
    const before = await node.sets()
    await collect()
    expect(await node.sets()).toEqual(before)
    expect(await layersOf(digest)).toEqual([true, true])
  })

  it('is what a moved tag meant, once no node says any more that it has it', async () => {
    const [v1, text] = [upstream.push(repository, '1', 'v1'), 'version two']
    await wish(aCache('a', ['nginx:1']))
    await node.obey()
    const v2 = upstream.push(repository, '1', text)
    now += 1
    source.wish([aCache('a', ['nginx:1'], { metadata: { annotations: { 'kubefledged.io/refresh-imagecache': '' } } })])
    await until(async () => expect((await node.sets())[0]?.images[0]?.root.digest).toBe(v2.digest))
    await collect()
    expect([await holds(v1.digest), await holds(v2.digest)]).toEqual([true, true])
    await node.obey()
    await until(async () => expect((await centre.nodes())[0]).toMatchObject({ images: { present: 1, wanted: 1 } }))
    await collect()
    expect([await holds(v1.digest), await holds(v2.digest)]).toEqual([false, true])
  })

  it('is an image that nobody wants any more, with its tag, once the centre forgets it', async () => {
    const { digest } = upstream.push(repository, '1', 'v1')
    await wish(aCache('a', ['nginx:1']))
    source.wish([])
    await until(async () => expect((await node.ask())?.entries).toEqual([]))
    await collect()
    expect(await holds(digest)).toBe(true)
    now += 2 * dayMs
    source.wish([])
    await until(async () => expect(await centre.content.repository(repository).tag('1')).toBeUndefined())
    await collect()
    const keys = await Array.fromAsync(centre.objects.list(''), ({ key }) => key)
    expect(keys.filter((key) => /^(repositories|blobs|condemned)\//.test(key))).toEqual([])
  })

  it('is not what is wanted again before it was forgotten: it gets its tag anew', async () => {
    const { digest } = upstream.push(repository, '1', 'v1')
    await wish(aCache('a', ['nginx:1']))
    const here = centre.content.repository(repository)
    now += 2 * dayMs
    isForgetful = false
    source.wish([])
    await until(async () => expect(await here.tag('1')).toBeUndefined())
    source.wish([aCache('a', ['nginx:1'])])
    await until(async () => expect((await here.tag('1'))?.digest).toBe(digest))
    await collect()
    expect(await layersOf(digest)).toEqual([true, true])
  })

  it('is not what somebody else has pushed under its tag', async () => {
    upstream.push(repository, '1', 'v1')
    await wish(aCache('a', ['nginx:1']))
    const here = centre.content.repository(repository)
    const other = parseManifest(
      Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: [] })),
    )
    await here.putManifest(other, { tags: ['1'] })
    source.wish([])
    now += 2 * dayMs
    const forgotten = 'controller/resolutions/'
    await until(async () => expect(await Array.fromAsync(centre.objects.list(forgotten))).toEqual([]))
    expect(await here.tag('1')).toEqual(descriptorOf(other))
    await collect()
    expect(await here.manifest('1')).toBeDefined()
  })
})
