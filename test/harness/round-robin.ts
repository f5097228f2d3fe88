import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** One address in front of several servers, as a Service has it: each connection goes to the next one that takes it. */
export interface RoundRobin extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string
  /** No new connection goes there, as to a pod that is not ready; those that are there stay. */
  leaveOut(url: string): void
  takeIn(url: string): void
}

export async function startRoundRobin(urls: readonly string[]): Promise<RoundRobin> {
  const left = new Set<string>()
  const sockets = new Set<Socket>()
  let turn = 0

  function keep(socket: Socket): Socket {
    sockets.add(socket)
    return socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
  }

  async function reach(url: string): Promise<Socket | undefined> {
    const { hostname, port } = new URL(url)
    const socket = keep(connect({ host: hostname, port: Number(port), allowHalfOpen: true }))
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
    leaveOut: (url) => void left.add(url),
    takeIn: (url) => void left.delete(url),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      listener.close()
      await once(listener, 'close')
    },
  }
}
