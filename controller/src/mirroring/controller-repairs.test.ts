import { copyImage } from '@stowage/mirror/copy'
import { Fault } from '@stowage/mirror/oci/fault'
import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { createIntegrity } from '@stowage/mirror/store/scrub/integrity'
import { createScrubber } from '@stowage/mirror/store/scrub/scrubber'
import PQueue from 'p-queue'
import { beforeEach, describe, expect, it } from 'vitest'
import { openCentreMemory } from '../memory/centre-memory.ts'
import { unresolved } from '../memory/resolution.ts'
import { createFakeUpstream, type FakeUpstream } from '../testing/fake-upstream.ts'
import { silentLog } from '../testing/silent-log.ts'
import { controllerRepairs } from './controller-repairs.ts'

const place = 'docker.io/library/nginx'
const context = { signal: new AbortController().signal, onProgress: () => undefined }

describe('what a controller copied and is damaged', () => {
  let objects = createMemoryStore()
  let upstream: FakeUpstream

  beforeEach(async () => {
    objects = createMemoryStore()
    upstream = createFakeUpstream()
    upstream.push(place, '1', 'v1', ['linux/amd64'])
    await copyImage({
      source: upstream.upstreamFor('docker.io', []),
      sourceRepository: 'library/nginx',
      reference: '1',
      sink: createContentStore(objects).repository(place),
      tags: ['1'],
      queue: new PQueue(),
    })
    for await (const { key, etag, size } of objects.list('blobs/')) {
      await objects.putIfMatch(key, etag, Buffer.alloc(size, 'x'))
    }
  })

  function scrubber() {
    const integrity = createIntegrity(objects)
    const content = createContentStore(objects, { integrity })
    const sources = [controllerRepairs({ objects, content, upstreamFor: upstream.upstreamFor })]
    return createScrubber({ objects, integrity, content, sources, log: silentLog })
  }

  it('is copied again from the registry it came from', async () => {
    await (await openCentreMemory(objects)).resolutions.put(`${place}:1`, unresolved)
    const { damaged, troubles } = await scrubber().scrubNow({}, context)
    expect(damaged).toBe(4)
    expect(troubles.map(({ isSettled }) => isSettled)).toEqual([true, true, true, true])
    expect(await scrubber().scrubNow({}, context)).toMatchObject({ blobs: 4, damaged: 0 })
  })

  it('stays away while nobody knows the registry, or it is away', async () => {
    const { troubles } = await scrubber().scrubNow({}, context)
    expect(troubles.map(({ isSettled }) => isSettled)).toEqual([false, false, false, false])
    await (await openCentreMemory(objects)).resolutions.put(`${place}:1`, unresolved)
    upstream.fail(new Fault('unavailable', 'the link is down'))
    const { mender } = scrubber()
    for (const digest of await Array.fromAsync(mender.missed())) {
      await expect(mender.mend(digest)).rejects.toThrow('the link is down')
    }
    upstream.fail(undefined)
    for (const digest of await Array.fromAsync(mender.missed())) expect(await mender.mend(digest)).toBe('mended')
    expect(await Array.fromAsync(mender.missed())).toEqual([])
  })
})
