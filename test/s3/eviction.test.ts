import { createEvictor } from '@stowage/mirror/eviction/evictor'
import { createPulledImages, pulledRoots } from '@stowage/mirror/eviction/pulled-images'
import { fakeHost, openFakeMirror } from '@stowage/mirror/pull-through/fake-mirror'
import { addFakeImage } from '@stowage/mirror/registry/fake-image'
import { openFakeUpstream } from '@stowage/mirror/registry/fake-upstream'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { blobKey } from '@stowage/mirror/store/content/content-keys'
import { collectGarbage } from '@stowage/mirror/store/gc/collect-garbage'
import { createS3Store } from '@stowage/mirror/store/s3/create-s3-store'
import { silentLog } from '@stowage/mirror/testing/silent-log'
import { expect, it } from 'vitest'
import { requirePart } from '../harness/require-part.ts'
import { withBucket } from './with-bucket.ts'

const day = 86_400_000
const rules = { graceMs: day, untaggedMs: 7 * day, youngMs: 3600_000 }

requirePart('versitygw')('a mirror over a bucket', () => {
  const bucket = withBucket()

  it('takes away what was pulled through a day after it went, unless somebody builds on it', async () => {
    let aheadMs = 0
    const now = (): number => Date.now() + aheadMs
    const objects = createS3Store({ bucket: bucket(), prefix: 'eviction', deletesOnCondition: true })
    const store = createContentStore(objects, { now })
    const pulled = createPulledImages(objects, { now })
    const collect = () => collectGarbage({ objects, rules, roots: [() => pulledRoots(pulled)], now, isAlone: true })
    const evictor = createEvictor({
      objects,
      store,
      pulled,
      roots: [],
      limits: { budget: { bytes: 0 }, minFree: { bytes: 0 }, keepSupersededMs: day },
      isOnlyRead: () => false,
      collect,
      isAlone: true,
      now,
      log: silentLog,
      recentMs: 0,
    })
    await using upstream = await openFakeUpstream()
    const { layer, config, root } = addFakeImage(upstream, 'team/app')
    addFakeImage(upstream, 'team/other')
    await using mirror = await openFakeMirror(upstream, { store, pulled, evictor })
    for (const name of ['app', 'other']) {
      for (const path of ['manifests/v1', `blobs/${config.digest}`, `blobs/${layer.digest}`]) {
        await (await mirror.ask(`/v2/${fakeHost}/team/${name}/${path}`)).arrayBuffer()
      }
    }
    const [app, other] = ['app', 'other'].map((name) => store.repository(`${fakeHost}/team/${name}`))
    // Stored behind the answers.
    await expect.poll(async () => [(await app!.tags()).length, (await other!.tags()).length]).toEqual([1, 1])
    expect((await evictor.look()).evictions).toHaveLength(2)
    expect([await app!.tags(), await other!.tags()]).toEqual([[], []])
    expect(await other!.hasManifest(root.digest)).toBe(true)
    aheadMs = 2 * day
    for (let turn = 0; turn < 3; turn++) await collect()
    expect(await app!.stat(root.digest)).toBeUndefined()
    expect(await other!.hasBlob(layer)).toBe(true)
    aheadMs = 20 * day
    for (let turn = 0; turn < 2; turn++) await collect()
    aheadMs = 22 * day
    for (let turn = 0; turn < 3; turn++) await collect()
    expect(await objects.head(blobKey(layer.digest))).toBeUndefined()
  })
})
