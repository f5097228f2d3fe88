import { fileURLToPath } from 'node:url'
import { createPrograms } from '../harness/programs.ts'
import type { Namespace } from './namespace.ts'
import { openRelay } from './open-relay.ts'

const forwarder = fileURLToPath(new URL('./port-forwarder.ts', import.meta.url))

/**
 * Makes a port of 127.0.0.1 in a namespace the same port of 127.0.0.1 here, so that a URL means one server in both;
 * `freePort` finds one. Bytes that go this way cross no link and are not counted. While the server is not there,
 * connections open, and then end.
 */
export async function forwardPort(namespace: Namespace, port: number): Promise<AsyncDisposable> {
  await using opening = new AsyncDisposableStack()
  const programs = opening.use(createPrograms())
  const [nsenter, ...into] = namespace.launcher
  const args = [...into, process.execPath, forwarder, `${port}`]
  const program = programs.start(nsenter, args, { name: 'port forwarder' })
  const [path] = await program.waitForLine(/^\/.*$/)
  opening.use(await openRelay({ host: '127.0.0.1', port }, { path }))
  return opening.move()
}
