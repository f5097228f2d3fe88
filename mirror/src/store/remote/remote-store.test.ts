import { pino } from 'pino'
import { describe } from 'vitest'
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

async function open({ cuts }: { readonly cuts?: ReturnType<typeof cutsOf> } = {}): Promise<OpenedStore> {
  const stack = new AsyncDisposableStack()
  const { address } = stack.use(await serveObjects(createMemoryStore(), pino({ level: 'silent' })))
  const link = cuts && stack.use(await openCuts({ port: async () => address.port, next: cuts }))
  const url = new URL(`http://127.0.0.1:${link?.port ?? address.port}`)
  const pace = { baseMs: 1, capMs: 3, tries: 40 }
  const connect = (): ObjectStore => stack.use(openRemoteStore({ url, token: testToken, pace }))
  return { store: connect(), reopen: async () => connect(), [Symbol.asyncDispose]: () => stack.disposeAsync() }
}
