import type { Logger } from 'pino'
import { expect, it } from 'vitest'
import { pushImage } from '../store/content/stored-content.conformance.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { createPulledRecords, recordNameOf } from './pulled-records.ts'

const now = (): number => 1_000_000
const keyOf = (repository: string): string => `pull-through/images/${recordNameOf(repository)}.json`
const usesIn = (repository: string, digest: string) => ({
  version: 1,
  repository,
  tags: [],
  manifests: { [digest]: { usedAt: now() } },
})

async function openWorld() {
  const objects = createMemoryStore({ now })
  const content = createContentStore(objects, { now })
  const [a, b] = [
    await pushImage(content.repository('a'), 'a', ['v1']),
    await pushImage(content.repository('b'), 'b', []),
  ]
  await objects.putIfAbsent(keyOf('a'), Buffer.from('{"version":1,"repository":"a"'))
  await objects.putIfAbsent(keyOf('b'), Buffer.from(JSON.stringify(usesIn('b', b.digest))))
  await objects.putIfAbsent(keyOf('gone'), Buffer.from(''))
  const mended: string[] = []
  const log = { warn: (facts: { repository: string }) => void mended.push(facts.repository) } as Pick<Logger, 'warn'>
  const records = createPulledRecords(objects, { now, log })
  return { objects, records, mended, a, b }
}

it('makes what is damaged anew of what the repository has, and drops what is of none', async () => {
  const { objects, records, mended, a, b } = await openWorld()
  const found = new Map((await Array.fromAsync(records.list())).map(({ value }) => [value.repository, value]))
  expect(Object.fromEntries(found)).toEqual({ a: usesIn('a', a.digest), b: usesIn('b', b.digest) })
  expect(await objects.head(keyOf('gone'))).toBeUndefined()
  expect(mended).toEqual(['a'])
})

it('can be written over what is damaged', async () => {
  const { records, a } = await openWorld()
  const change = (old: Awaited<ReturnType<typeof records.get>>) => old && { ...old, tags: ['v2'] }
  expect(await records.update(recordNameOf('a'), change)).toEqual({ ...usesIn('a', a.digest), tags: ['v2'] })
  expect(await records.get(recordNameOf('gone'))).toBeUndefined()
})

it('leaves alone what another version wrote, and says so', async () => {
  const { objects, records } = await openWorld()
  const { etag } = (await objects.head(keyOf('a')))!
  const other = (await objects.putIfMatch(keyOf('a'), etag, Buffer.from('{"version":2}')))!
  await expect(Array.fromAsync(records.list())).rejects.toMatchObject({ code: 'invalid' })
  expect(await objects.head(keyOf('a'))).toEqual(other)
})
