import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** One address in front of several servers, as a Service has it: each connection goes to the next one that takes it. */
export interface RoundRobin extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string
  /** No connection goes there any more, and those that do end, as proxies have it with a pod that is not ready. */
  leaveOut(url: string): void
}

export async function startRoundRobin(urls: readonly string[]): Promise<RoundRobin> {
  const left = new Set<string>()
  /** With the server that they go to, if they go to one. */
  const sockets = new Map<Socket, string | undefined>()
  let turn = 0

  function keep(socket: Socket, to?: string): Socket {
    sockets.set(socket, to)
    return socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
  }

  async function reach(url: string): Promise<Socket | undefined> {
    const { hostname, port } = new URL(url)
    const socket = keep(connect({ host: hostname, port: Number(port), allowHalfOpen: true }), url)
    try {
      await once(socket, 'connect')
      return socket
    } catch {
      // Nobody listens there: the next one is asked.
      return undefined
    }
  }

  async function relay(client: Socket): Promise<void> {
    turn++
    for (let tried = 0; tried < urls.length; tried++) {
      const url = urls[(turn + tried) % urls.length]!
      const server = left.has(url) ? undefined : await reach(url)
      if (!server) continue
      client.on('close', () => server.destroy())
      server.on('close', () => client.destroy())
      client.pipe(server)
      server.pipe(client)
      return
    }
    client.resetAndDestroy()
  }

  const listener = createServer({ allowHalfOpen: true }, (client) => void relay(keep(client)))
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    leaveOut(url) {
      left.add(url)
      for (const [socket, to] of sockets) if (to === url) socket.destroy()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.keys()) socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
}
