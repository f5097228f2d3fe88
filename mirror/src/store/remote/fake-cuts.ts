import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** What becomes of one connection: it is cut at some byte, or when the answer comes that follows on so many bytes. */
export interface Cut {
  readonly at: 'request' | 'before-answer' | 'answer'
  readonly bytes: number
}

export interface CutsOptions {
  /** Where the server is now; waited for. */
  readonly port: () => Promise<number>
  /** For the next connection; undefined leaves it whole. */
  readonly next: () => Cut | undefined
  /** Called before a connection is cut. */
  readonly onCut?: (cut: Cut) => void
}

/** A link in this process that cuts its connections. For tests. */
export interface Cuts extends AsyncDisposable {
  readonly port: number
}

export async function openCuts({ port, next, onCut }: CutsOptions): Promise<Cuts> {
  const sockets = new Set<Socket>()
  const server = createServer({ pauseOnConnect: true }, (near) => {
    near.on('error', () => undefined)
    void port().then((at) => join(near, connect(at, '127.0.0.1')))
  }).listen(0, '127.0.0.1')

  function join(near: Socket, far: Socket): void {
    const cut = next()
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        near.destroy()
        far.destroy()
      })
    }
    const end = (): void => {
      if (cut && !near.destroyed) onCut?.(cut)
      near.resetAndDestroy()
      far.destroy()
    }
    let asked = 0
    near.on('data', (chunk: Buffer) => {
      const rest = cut?.at === 'request' ? cut.bytes - asked : Infinity
      asked += chunk.length
      far.write(chunk.subarray(0, Math.max(0, rest)))
      if (chunk.length > rest) end()
    })
    let answered = 0
    far.on('data', (chunk: Buffer) => {
      if (cut?.at === 'before-answer' && asked >= cut.bytes) return end()
      const rest = cut?.at === 'answer' ? cut.bytes - answered : Infinity
      answered += chunk.length
      near.write(chunk.subarray(0, Math.max(0, rest)))
      if (chunk.length > rest) end()
    })
    near.resume()
  }

  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Cuts of all kinds, most of them early: no connection lives long. The same for the same seed. */
export function cutsOf(seed: number): () => Cut {
  let state = seed
  const random = (): number => {
    // Park and Miller's generator: enough to mix, and the same everywhere.
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  const kinds = ['request', 'before-answer', 'answer'] as const
  return () => ({ at: kinds[Math.floor(random() * 3)]!, bytes: Math.floor(2 ** (6 + random() * 17)) })
}
