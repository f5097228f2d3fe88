import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { createFakeCertificate } from '@stowage/mirror/registry/fake-certificate'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createForwarder } from './forward-request.ts'

const [one, other] = [createFakeCertificate(), createFakeCertificate()]
let stack: DisposableStack

beforeEach(() => {
  stack = new DisposableStack()
})
afterEach(() => stack[Symbol.dispose]())

async function portOf(server: Server): Promise<number> {
  stack.defer(() => void server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

/** What is answered through a replica that passes on to one that shows a certificate. */
async function ask(trusted: readonly string[]): Promise<Response> {
  const leads: RequestListener = (request, response) => {
    response.writeHead(200, { by: String(request.headers['stowage-forwarded']) }).end('over TLS')
  }
  const to = { host: '127.0.0.1', port: await portOf(createSecureServer(one, leads)) }
  const forwarder = stack.use(createForwarder(() => trusted))
  const door = createServer((request, response) => {
    const signal = new AbortController().signal
    void forwarder.forward(request, response, { to, by: 'b', signal }).then((isAnswered) => {
      if (!isAnswered) response.writeHead(503).end()
    })
  })
  return await fetch(`http://127.0.0.1:${await portOf(door)}/edge/v1/x`, { headers: { connection: 'close' } })
}

describe('a replica with TLS', () => {
  it('is known by its certificate, which names no address of it', async () => {
    const answer = await ask([other.cert, one.cert])
    expect([answer.status, answer.headers.get('by'), await answer.text()]).toEqual([200, 'b', 'over TLS'])
  })

  it('is told nothing if it shows another one', async () => {
    expect((await ask([other.cert])).status).toBe(503)
  })
})
