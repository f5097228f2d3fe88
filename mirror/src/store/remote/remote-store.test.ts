import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { contentStoreConformance } from '../content-store.conformance.ts'
import { createMemoryStore } from '../memory-store.ts'
import { heldReadsConformance } from '../held-reads.conformance.ts'
import { objectStoreConformance } from '../object-store.conformance.ts'
import type { ObjectStore } from '../object-store.ts'
import type { OpenedStore } from '../opened-store.conformance.ts'
import { cutsOf, openCuts } from './fake-cuts.ts'
import { openRemoteStore } from './remote-store.ts'
import { serveObjects, testToken } from './serve-objects.ts'

objectStoreConformance('a remote store', () => open())
heldReadsConformance('a remote store', () => open())
contentStoreConformance('content in a mirror elsewhere', () => open())

const seed = Math.ceil(Math.random() * 1_000_000)
let opened = seed
describe(`over connections that are cut, seed ${seed}`, () => {
  objectStoreConformance('a remote store', () => open({ cuts: cutsOf(opened++) }))
  contentStoreConformance('content in a mirror elsewhere', () => open({ cuts: cutsOf(opened++) }))
})

describe('a list of a remote store', () => {
  it('brings small objects along for who wants to read them all, page by page', async () => {
    await using opened = await open()
    const contents = new Map<string, Buffer>()
    for (let i = 0; i < 40; i++) contents.set(`a/${String(i).padStart(2, '0')}`, Buffer.alloc(i * 5000, i))
    for (const [key, bytes] of contents) await opened.store.putIfAbsent(key, bytes)
    const listed = await Array.fromAsync(opened.store.list('a/', { bringUpTo: 100_000 }))
    expect(listed.map(({ key }) => key)).toEqual([...contents.keys()])
    for (const { key, size, etag, bytes } of listed) {
      expect([size, etag]).toEqual([contents.get(key)!.length, (await opened.store.head(key))?.etag])
      expect(bytes).toEqual(size > 0 && size <= 100_000 ? contents.get(key) : undefined)
    }
  })
})

async function open({ cuts }: { readonly cuts?: ReturnType<typeof cutsOf> } = {}): Promise<OpenedStore> {
  const stack = new AsyncDisposableStack()
  const { address } = stack.use(await serveObjects(createMemoryStore(), pino({ level: 'silent' })))
  const link = cuts && stack.use(await openCuts({ port: async () => address.port, next: cuts }))
  const url = new URL(`http://127.0.0.1:${link?.port ?? address.port}`)
  const pace = { baseMs: 1, capMs: 3, tries: 40 }
  const connect = (): ObjectStore => stack.use(openRemoteStore({ url, token: testToken, pace }))
  return { store: connect(), reopen: async () => connect(), [Symbol.asyncDispose]: () => stack.disposeAsync() }
}
