import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect, createServer as createTcpServer, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { seededBytes } from '../image-maker/seeded-bytes.ts'

const usage = `usage: node --conditions=source test/net/tcp-peer.ts WHAT HOST:PORT [SIZE]
  One end of a connection in tests of a link; it says what happens, a line each.
  send     serves SIZE bytes to whoever connects
  blob     serves them over HTTP under every path
  echo     serves what it gets
  fetch    gets all there is; at its end says their number and SHA-256
  talk     says a word after each one that it was answered
A connection that breaks is said with the code of its error.`

const [what, where = '', size = '0'] = parseArgs({ allowPositionals: true }).positionals
const [host = '', port] = where.split(':')
const say = (line: string): void => console.log(line)

function heed(socket: Socket): Socket {
  socket.on('error', (error: NodeJS.ErrnoException) => say(`error ${error.code}`))
  return socket
}

const data = Buffer.concat([...seededBytes({ size: Number(size), seed: 'peer' })])

const roles: Record<string, () => void> = {
  send: () => serve((socket) => void socket.end(data)),
  echo: () => serve((socket) => void socket.pipe(socket)),
  blob: () => void createServer((_, response) => response.end(data)).listen(Number(port), host, () => say('listening')),
  fetch: () => void getAll(),
  talk() {
    const socket = heed(connect({ host, port: Number(port) }))
    const talk = (): void => {
      say('heard')
      setTimeout(() => socket.write('word'), 5)
    }
    socket.on('connect', () => socket.write('word')).on('data', talk)
  },
}

function serve(onConnection: (socket: Socket) => void): void {
  createTcpServer((socket) => onConnection(heed(socket))).listen(Number(port), host, () => say('listening'))
}

async function getAll(): Promise<void> {
  const hash = createHash('sha256')
  let length = 0
  const socket = heed(connect({ host, port: Number(port) }))
  socket.on('data', (bytes) => {
    if (length === 0) say('begun')
    hash.update(bytes)
    length += bytes.length
  })
  await once(socket, 'end')
  say(`got ${length} ${hash.digest('hex')}`)
}

const role = roles[what ?? '']
if (!role) {
  console.error(usage)
  process.exit(2)
}
role()
