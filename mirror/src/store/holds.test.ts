import { expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { createHolds } from './holds.ts'
import { createMemoryStore } from './memory-store.ts'

const content = [{ repository: 'app', digests: [digestOf('one')] }]

it('keeps everything while one says nothing readable, and is taken anew by who holds the same', async () => {
  const objects = createMemoryStore()
  const holds = createHolds(objects, { now: Date.now })
  await objects.putIfAbsent('holds/mine.json', Buffer.from('{"version":1,"con'))
  await expect(Array.fromAsync(holds.held())).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringMatching(/no garbage is collected.*holds\/mine\.json.*fsck/) as string,
  })
  await expect(holds.expire()).rejects.toMatchObject({ code: 'invalid' })
  expect(await Array.fromAsync(holds.damaged())).toMatchObject([{ name: 'mine', key: 'holds/mine.json' }])
  await holds.take('mine', content, 1000)
  expect(await Array.fromAsync(holds.held())).toEqual([{ repository: 'app', digest: digestOf('one') }])
  expect(await Array.fromAsync(holds.damaged())).toEqual([])
})

it('of another version is not called damaged', async () => {
  const objects = createMemoryStore()
  await objects.putIfAbsent('holds/mine.json', Buffer.from('{"version":2}'))
  const holds = createHolds(objects, { now: Date.now })
  await expect(Array.fromAsync(holds.held())).rejects.toMatchObject({ code: 'invalid' })
  expect(await Array.fromAsync(holds.damaged())).toEqual([])
})
