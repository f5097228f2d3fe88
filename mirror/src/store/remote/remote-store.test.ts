import { pino } from 'pino'
import { createMirrorServer, listen } from '../../server/mirror-server.ts'
import { objectsRoutes } from '../../server/objects/objects-routes.ts'
import { createUploadDigests } from '../content/upload-digests.ts'
import { contentStoreConformance } from '../content-store.conformance.ts'
import { createMemoryStore } from '../memory-store.ts'
import { objectStoreConformance } from '../object-store.conformance.ts'
import type { ObjectStore } from '../object-store.ts'
import type { OpenedStore } from '../opened-store.conformance.ts'
import { openRemoteStore } from './remote-store.ts'

objectStoreConformance('a remote store', open)
contentStoreConformance('content in a mirror elsewhere', open)

const log = pino({ level: 'silent' })

async function open(): Promise<OpenedStore> {
  const stack = new AsyncDisposableStack()
  const app = createMirrorServer()
  const tokens = async (): Promise<string[]> => ['secret']
  await app.register(objectsRoutes, { objects: createMemoryStore(), digests: createUploadDigests(), tokens, log })
  const { url } = stack.use(await listen(app, { host: '127.0.0.1', port: 0, graceMs: 100 }))
  const connect = (): ObjectStore => stack.use(openRemoteStore({ url: new URL(url), token: async () => 'secret' }))
  return { store: connect(), reopen: async () => connect(), [Symbol.asyncDispose]: () => stack.disposeAsync() }
}
