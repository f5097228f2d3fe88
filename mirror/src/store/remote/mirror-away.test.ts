import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Fault } from '../../oci/fault.ts'
import type { Listening } from '../../server/mirror-server.ts'
import { createMemoryStore } from '../memory-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { chunks, text, textOf } from '../stored-bytes.conformance.ts'
import { openCuts } from './fake-cuts.ts'
import { openRemoteStore } from './remote-store.ts'
import { serveObjects, testToken } from './serve-objects.ts'

let opened: AsyncDisposableStack
let objects: ObjectStore
let mirror: Listening | undefined
let store: ObjectStore
let logged: string[]

/** Nobody listens there. */
const nowhere = 1

const start = async (): Promise<Listening> => (mirror = await serveObjects(objects, pino({ level: 'silent' })))

async function stop(): Promise<void> {
  await mirror?.[Symbol.asyncDispose]()
  mirror = undefined
}

beforeEach(async () => {
  opened = new AsyncDisposableStack()
  objects = createMemoryStore()
  logged = []
  opened.defer(stop)
  await start()
  const port = async (): Promise<number> => mirror?.address.port ?? nowhere
  const link = opened.use(await openCuts({ port, next: () => undefined }))
  const pace = { baseMs: 1, capMs: 2, tries: 2 }
  const log = pino({}, { write: (line: string) => void logged.push((JSON.parse(line) as { msg: string }).msg) })
  store = opened.use(openRemoteStore({ url: new URL(`http://127.0.0.1:${link.port}`), token: testToken, pace, log }))
})
afterEach(() => opened.disposeAsync())

describe('a remote store whose mirror is away', () => {
  it('appends what is at hand when it is back, and says both', async () => {
    await using upload = await store.openUpload('u')
    await stop()
    const work = upload.append(chunks('abc', 'def'))
    await expect(store.head('a')).rejects.toMatchObject({ code: 'unavailable' })
    await start()
    expect(await work).toBe(6)
    await upload.publish('x')
    expect(await textOf(await objects.get('x'))).toBe('abcdef')
    expect(logged).toEqual(['mirror out of reach: what needs it waits', 'mirror reached again'])
  })

  it('waits no longer than it is to', async () => {
    await using upload = await store.openUpload('u')
    await stop()
    const signal = AbortSignal.timeout(20)
    await expect(upload.append(chunks('abc'), { signal })).rejects.toMatchObject({ code: 'unavailable' })
    const work = upload.append(chunks('abc'))
    await store[Symbol.asyncDispose]()
    await expect(work).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('does not wait where it is there and refuses', async () => {
    await using upload = await store.openUpload('u')
    objects.openUpload = () => Promise.reject(new Fault('unavailable', 'the disk is away'))
    const refused = { code: 'unavailable', message: 'the disk is away' }
    await expect(upload.append(chunks('abc'))).rejects.toMatchObject(refused)
    await expect(store.putIfAbsent('a', text('1'))).resolves.toBeDefined()
  })
})
