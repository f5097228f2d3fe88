import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { openRelay } from './open-relay.ts'

const usage = `usage: node test/net/port-forwarder.ts PORT
  Leads the connections of a unix socket to a port of 127.0.0.1; started in a namespace by forwardPort.
It prints the path of the socket, and ends when its standard input does or with SIGTERM.`

const [port] = parseArgs({ allowPositionals: true }).positionals.map(Number)
if (!port) {
  console.error(usage)
  process.exit(2)
}

await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-port-'))
const socket = path.join(directory.path, 'socket')
await using _ = await openRelay({ path: socket }, { host: '127.0.0.1', port })
console.log(socket)

const end = Promise.withResolvers<void>()
process.once('SIGTERM', () => end.resolve())
process.on('SIGINT', () => undefined)
process.stdin.resume().once('close', () => end.resolve())
await end.promise
process.stdin.destroy()
