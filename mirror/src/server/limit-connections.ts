import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { clientAt, connectionAddress } from './client-address.ts'
import type { Networks } from './networks.ts'

export interface ConnectionLimits {
  /** How many one client may have at a time. */
  readonly perClient: number
  /** Who speaks for many clients, and may have as many as it likes. */
  readonly isProxy?: Networks | undefined
}

/** Cuts the connections that a client has too many of, when they come and before anything is read of them. */
export function limitConnections(
  server: Pick<Server, 'on'>,
  { perClient, isProxy }: ConnectionLimits,
  onCut: () => void,
): void {
  const counts = new Map<string, number>()

  function leave(client: string): void {
    const left = (counts.get(client) ?? 1) - 1
    if (left > 0) counts.set(client, left)
    else counts.delete(client)
  }

  server.on('connection', (socket: Socket) => {
    const address = connectionAddress({ socket })
    if (isProxy?.(address)) return
    const client = clientAt(address)
    const count = counts.get(client) ?? 0
    if (count >= perClient) {
      onCut()
      socket.destroy()
      return
    }
    counts.set(client, count + 1)
    socket.once('close', () => leave(client))
  })
}
