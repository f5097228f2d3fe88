import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/**
 * Reads URL on CONNECTIONS connections for SECONDS and prints how many bytes of bodies came. As cheap as it can be: each
 * connection reads into one buffer, over and over, and nothing is done with the bytes.
 * usage: node test/bench/read-blob.ts URL CONNECTIONS SECONDS
 */
const [url = '', connections, seconds] = process.argv.slice(2)
const { hostname, port, host, pathname } = new URL(url)
const request = `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nAccept: */*\r\n\r\n`
const bufferSize = 1024 * 1024
const longestHead = 16 * 1024

let bytes = 0

/** Asks again as soon as a body has come to its end. */
function openReader(): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  let head = ''
  let left = 0

  function onBytes(count: number, buffer: Uint8Array): boolean {
    const start = left > 0 ? 0 : readHead(buffer.subarray(0, count))
    bytes += count - start
    left -= count - start
    if (head === '' && left === 0) socket.write(request)
    return true
  }

  /** Gives where the body begins. */
  function readHead(chunk: Uint8Array): number {
    const before = head.length
    head += Buffer.from(chunk.buffer, chunk.byteOffset, Math.min(chunk.length, longestHead)).toString('latin1')
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) return chunk.length
    const length = /^content-length: *(\d+) *$/im.exec(head.slice(0, end))?.[1]
    if (!head.startsWith('HTTP/1.1 200 ') || length === undefined) {
      throw new Error(`${url} is answered with ${head.slice(0, 500)}`)
    }
    left = Number(length)
    head = ''
    return end + 4 - before
  }

  const socket = connect({
    host: hostname,
    port: Number(port),
    onread: { buffer: Buffer.allocUnsafeSlow(bufferSize), callback: onBytes },
  })
  socket.once('connect', () => resolve(socket))
  socket.on('error', reject)
  socket.on('end', () => fail(new Error(`${url}: the server closed the connection`)))
  return promise
}

function fail(error: Error): never {
  throw error
}

const sockets = await Promise.all(Array.from({ length: Number(connections) }, openReader))
const startedAt = performance.now()
for (const socket of sockets) socket.write(request)
await delay(Number(seconds) * 1000)
console.log(JSON.stringify({ bytes, seconds: (performance.now() - startedAt) / 1000 }))
process.exit()
