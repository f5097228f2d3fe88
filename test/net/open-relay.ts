import { once } from 'node:events'
import { connect, createServer, type ListenOptions, type NetConnectOpts, type Socket } from 'node:net'

/**
 * Leads each connection to a server on to another one. Disposing of it breaks those that are open.
 * @param target or what names one for each connection; if it names none, the connection is broken
 */
export async function openRelay(
  listen: ListenOptions,
  target: NetConnectOpts | (() => NetConnectOpts | undefined),
): Promise<AsyncDisposable> {
  const open = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const there = typeof target === 'function' ? target() : target
    if (there === undefined) return void near.resetAndDestroy()
    const far = connect({ ...there, allowHalfOpen: true })
    for (const [from, to] of [[near, far] as const, [far, near] as const]) {
      open.add(from)
      from.on('error', () => to.destroy())
      from.on('close', () => open.delete(from))
      from.pipe(to)
    }
  })
  server.listen(listen)
  await once(server, 'listening')
  return {
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
