import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { eventually } from '../harness/eventually.ts'
import { seededBytes } from '../image-maker/seeded-bytes.ts'
import { startLink, type RunningLink, type StartLinkOptions } from './start-link.ts'

/** A node's connection, and what it received so far. */
export interface Client {
  readonly socket: Socket
  readonly received: () => Buffer
  /** How it ended: `end`, or the code of the error. */
  readonly ended: Promise<string>
}

/** Servers, links and clients of one test. */
export interface LinkBench {
  /** A TCP server whose connections are handled as told. Returns its URL. */
  readonly serve: (onConnection: (socket: Socket) => void) => Promise<string>
  readonly serveHttp: (listener: RequestListener) => Promise<string>
  readonly linkTo: (upstream: string, options?: Omit<StartLinkOptions, 'upstream'>) => Promise<RunningLink>
  readonly clientOf: (link: RunningLink) => Client
  readonly onClose: (close: () => void) => void
  /** Closes all of them; new ones may be opened afterwards. */
  readonly closeAll: () => Promise<void>
}

export function createLinkBench(): LinkBench {
  let opened = new AsyncDisposableStack()

  async function serve(onConnection: (socket: Socket) => void): Promise<string> {
    const sockets = new Set<Socket>()
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      onConnection(socket)
    })
    return listen(server, () => sockets.forEach((socket) => socket.destroy()))
  }

  async function serveHttp(listener: RequestListener): Promise<string> {
    const server = createHttpServer(listener)
    return listen(server, () => server.closeAllConnections())
  }

  async function listen(server: Server, closeConnections: () => void): Promise<string> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    opened.defer(async () => {
      closeConnections()
      server.close()
      await once(server, 'close')
    })
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  function clientOf(link: RunningLink): Client {
    const { hostname, port } = new URL(link.url)
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true })
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => chunks.push(chunk))
    const { promise: ended, resolve } = Promise.withResolvers<string>()
    socket.on('end', () => resolve('end'))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    opened.defer(() => void socket.destroy())
    return { socket, received: () => Buffer.concat(chunks), ended }
  }

  return {
    serve,
    serveHttp,
    clientOf,
    linkTo: async (upstream, options = {}) => opened.use(await startLink({ upstream, ...options })),
    onClose: (close) => opened.defer(close),
    async closeAll() {
      const closing = opened
      opened = new AsyncDisposableStack()
      await closing.disposeAsync()
    },
  }
}

/** Bytes that tell when some of them are missing or out of order. */
export function dataOf(size: number): Buffer {
  return Buffer.concat([...seededBytes({ size, seed: 'link' })])
}

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Waits until a number has not changed for a while: for what shall not happen. */
export async function settled(look: () => number): Promise<number> {
  let before = Number.NaN
  let same = 0
  const isSettled = (): boolean => {
    const now = look()
    same = now === before ? same + 1 : 0
    before = now
    return same >= 4
  }
  await eventually(isSettled, { what: 'rest', everyMs: 50 })
  return before
}
