import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { drain } from './request-body.ts'

it.each([
  ['goes on and on', { bytes: 1000, ms: 60_000 }, 2000],
  ['comes for ever', { bytes: 1000, ms: 20 }, 10],
])('a refused body that %s is cut', async (_, most, sent) => {
  const server = createServer((request, response) => {
    drain(request, most)
    response.end('refused')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => undefined).resume()
  socket.write(`PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n${' '.repeat(sent)}`)
  await once(socket, 'close')
  server.close()
})

it('a refused body that ends leaves the connection to the next request', async () => {
  const server = createServer((request: IncomingMessage, response) => {
    drain(request)
    response.end(request.method)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.end('PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\n12345GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  const answer = Buffer.concat(await Array.fromAsync(socket as AsyncIterable<Buffer>)).toString()
  expect(answer.match(/HTTP\/1\.1 200/g)).toHaveLength(2)
  server.close()
})
