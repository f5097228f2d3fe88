import * as fc from 'fast-check'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { createMemoryStore } from '../memory-store.ts'
import type { ObjectStore, Upload } from '../object-store.ts'
import type { Listening } from '../../server/mirror-server.ts'
import { isFault } from '../../oci/fault.ts'
import { readObject } from '../read-object.ts'
import { cutsOf, openCuts, type Cut } from './fake-cuts.ts'
import { openRemoteStore } from './remote-store.ts'
import { serveObjects, testToken } from './serve-objects.ts'

const log = pino({ level: 'silent' })

/** Every second death comes when all was done, and nothing of it was told. */
function deathsOf(seed: number): () => Cut {
  const cuts = cutsOf(seed)
  let count = 0
  return () => (count++ % 2 === 0 ? { at: 'before-answer', bytes: ((seed + count) * 97) % 1500 } : cuts())
}

/** A store whose mirror dies with each connection that is cut, and with it all that it remembers of requests. */
async function openMortal(seed: number): Promise<AsyncDisposable & { readonly store: ObjectStore; deaths: number }> {
  const stack = new AsyncDisposableStack()
  const objects = createMemoryStore()
  let mirror: Promise<Listening> = serveObjects(objects, log)
  stack.defer(async () => (await mirror)[Symbol.asyncDispose]())
  const die = async (dead: Listening): Promise<Listening> => {
    await dead[Symbol.asyncDispose]()
    return await serveObjects(objects, log)
  }
  const opened = { deaths: 0 }
  const link = stack.use(
    await openCuts({
      port: async () => (await mirror).address.port,
      next: deathsOf(seed),
      onCut: () => {
        opened.deaths++
        mirror = mirror.then(die)
      },
    }),
  )
  const pace = { baseMs: 1, capMs: 3, tries: 100 }
  const store = stack.use(openRemoteStore({ url: new URL(`http://127.0.0.1:${link.port}`), token: testToken, pace }))
  return Object.assign(opened, { store, [Symbol.asyncDispose]: () => stack.disposeAsync() })
}

/** One client's work on one store, told in what it was answered. */
function createClient(store: ObjectStore) {
  const seen = new Map<string, string>()
  const uploads = new Map<string, Upload>()
  const etagOf = (key: string, isStale: boolean): string => (isStale ? '0' : (seen.get(key) ?? '0'))

  async function upload(id: string): Promise<Upload> {
    const opened = uploads.get(id) ?? (await store.openUpload(id))
    uploads.set(id, opened)
    return opened
  }

  return {
    async put(key: string, text: string): Promise<boolean> {
      const info = await store.putIfAbsent(key, Buffer.from(text))
      if (info) seen.set(key, info.etag)
      return info !== undefined
    },
    async replace(key: string, text: string, isStale: boolean): Promise<boolean> {
      const info = await store.putIfMatch(key, etagOf(key, isStale), Buffer.from(text))
      if (info) seen.set(key, info.etag)
      return info !== undefined
    },
    async remove(key: string, isStale: boolean): Promise<void> {
      await store.delete(key, etagOf(key, isStale))
    },
    async append(id: string, text: string): Promise<number> {
      return await (await upload(id)).append(pieces(text))
    },
    async publish(id: string, key: string): Promise<void> {
      await (await upload(id)).publish(key)
      uploads.delete(id)
      const info = await store.head(key)
      if (info) seen.set(key, info.etag)
    },
    async discard(id: string): Promise<void> {
      await (await upload(id)).discard()
      uploads.delete(id)
    },
    async all(): Promise<unknown> {
      const objects: unknown[] = []
      for await (const { key } of store.list('')) objects.push([key, (await readObject(store, key))?.bytes.toString()])
      const open: unknown[] = []
      for await (const { id, size } of store.listUploads()) open.push([id, size])
      return { objects, open }
    },
  }
}
type Client = ReturnType<typeof createClient>

async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += 1000) yield Buffer.from(text.slice(at, at + 1000))
}

const key = fc.constantFrom('a', 'b/c')
const id = fc.constantFrom('u', 'v')
const length = fc.constantFrom(1, 700, 200_000)
const stale = fc.boolean()
let made = 0
/** Never twice the same: who wrote the same bytes cannot be told from who wrote them first. */
const unique = (size: number): string => `${++made} `.repeat(size).slice(0, size + 8)

const step = fc.oneof(
  fc.record({ key, length }).map(({ key, length }) => {
    const text = unique(length)
    return (client: Client) => client.put(key, text)
  }),
  fc.record({ key, length, stale }).map(({ key, length, stale }) => {
    const text = unique(length)
    return (client: Client) => client.replace(key, text, stale)
  }),
  fc.record({ key, stale }).map(
    ({ key, stale }) =>
      (client: Client) =>
        client.remove(key, stale),
  ),
  fc.record({ id, length }).map(({ id, length }) => {
    const text = unique(length)
    return (client: Client) => client.append(id, text)
  }),
  fc.record({ id, key }).map(
    ({ id, key }) =>
      (client: Client) =>
        client.publish(id, key),
  ),
  id.map((id) => (client: Client) => client.discard(id)),
)

async function outcomeOf(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work
  } catch (error) {
    if (!isFault(error)) throw error
    return `fault ${error.code}`
  }
}

describe('a remote store whose mirror dies over requests', () => {
  it('has done each of them once, and says of each what came of it', async () => {
    let deaths = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), fc.integer({ min: 1, max: 1e6 }), async (steps, seed) => {
        await using mortal = await openMortal(seed)
        const remote = createClient(mortal.store)
        const model = createClient(createMemoryStore())
        for (const step of steps) expect(await outcomeOf(step(remote))).toEqual(await outcomeOf(step(model)))
        expect(await remote.all()).toEqual(await model.all())
        deaths += mortal.deaths
      }),
      { numRuns: 25 },
    )
    expect(deaths).toBeGreaterThan(10)
  }, 60_000)
})
