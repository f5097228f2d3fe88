import type { Logger } from 'pino'
import { createMirrorServer, listen, type Listening } from '../../server/mirror-server.ts'
import { objectsRoutes } from '../../server/objects/objects-routes.ts'
import { createUploadDigests } from '../content/upload-digests.ts'
import type { ObjectStore } from '../object-store.ts'

/** The token that `serveObjects` takes. */
export const testToken = async (): Promise<string> => 'a-token-for-tests'

/** Serves a store as a mirror does, on a port of its own. For tests. */
export async function serveObjects(objects: ObjectStore, log: Logger): Promise<Listening> {
  const app = createMirrorServer()
  const tokens = async (): Promise<string[]> => [await testToken()]
  await app.register(objectsRoutes, { objects, digests: createUploadDigests(), tokens, log })
  return await listen(app, { host: '127.0.0.1', port: 0, graceMs: 100 })
}
