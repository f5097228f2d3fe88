import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/**
 * Opens so many connections that each ask for a blob, take the first piece of it and then nothing more, as nodes do whose
 * links stand still. Disposing of it ends them.
 */
export async function standStill(
  url: string,
  { count, signal }: { readonly count: number; readonly signal: AbortSignal },
): Promise<Disposable> {
  const { hostname, port, host, pathname } = new URL(url)
  const patience = AbortSignal.any([signal, AbortSignal.timeout(60_000)])
  const sockets: Socket[] = []
  const open = async (): Promise<void> => {
    const socket = connect(Number(port), hostname)
    sockets.push(socket)
    socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    await once(socket, 'data', { signal: patience })
    socket.pause()
    socket.on('error', () => undefined) // It is of no interest how a connection ends that nobody reads from.
  }
  const close = (): void => sockets.forEach((socket) => socket.destroy())
  try {
    await Promise.all(Array.from({ length: count }, open))
  } catch (error) {
    close()
    throw error
  }
  return { [Symbol.dispose]: close }
}
