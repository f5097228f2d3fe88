import { createContentStore } from '@stowage/mirror/store/create-content-store'
import { createMemoryStore } from '@stowage/mirror/store/memory-store'
import { Fault } from '@stowage/mirror/oci/fault'
import { pino } from 'pino'
import { expect, it, vi } from 'vitest'
import { expireUploads } from './expire-uploads.ts'

const log = pino({ level: 'silent' })
const day = 24 * 3600_000

it('drops at once what was left for more than a month, and ends when it is told to', async () => {
  let now = 0
  const objects = createMemoryStore({ now: () => now })
  const content = createContentStore(objects, { now: () => now })
  await content.openUpload('session-old')
  now = 30 * day
  await content.openUpload('session-new')
  now += 1
  const stop = new AbortController()
  const running = expireUploads(content, { log, signal: stop.signal })
  const kept = async (): Promise<string[]> => (await Array.fromAsync(objects.listUploads())).map(({ id }) => id)
  await expect.poll(kept).toEqual(['session-new'])
  stop.abort()
  await running
})

it('outlives a disk that fails', async () => {
  const stop = new AbortController()
  const refused = vi.fn<() => Promise<number>>(() => Promise.reject(new Fault('unavailable', 'the disk fails')))
  const running = expireUploads({ expireUploads: refused }, { log, signal: stop.signal })
  await expect.poll(() => refused).toHaveBeenCalledOnce()
  stop.abort()
  await running
})
