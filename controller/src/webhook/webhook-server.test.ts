import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { silentLog } from '../testing/silent-log.ts'
import { makeAuthority, makeServing } from './issue-certificates.ts'
import type { KeyPair } from '@stowage/mirror/server/tls/key-pair'
import { createWebhookServer } from './webhook-server.ts'

const validity = { now: Date.now(), forMs: 3600_000 }

async function connectTo(port: number, authority: KeyPair): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca: authority.certificate, servername: 'webhook' })
  await once(socket, 'secureConnect')
  return socket
}

function serialOf(socket: TLSSocket): string | undefined {
  return socket.getPeerX509Certificate()?.serialNumber
}

async function ask(socket: TLSSocket): Promise<string> {
  socket.write('GET /readyz HTTP/1.1\r\nhost: webhook\r\n\r\n')
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  return chunk.toString()
}

describe('the webhook server', () => {
  it('listens once it has a certificate, changes it without breaking a connection, and serves on for a while at its end', async () => {
    const [old, fresh] = [await makeAuthority(validity), await makeAuthority(validity)]
    const [first, second] = [
      await makeServing(old, { ...validity, names: ['webhook'] }),
      await makeServing(fresh, { ...validity, names: ['webhook'] }),
    ]
    const listening = Promise.withResolvers<number>()
    const log = {
      ...silentLog,
      info: (facts: { url?: string }) => facts.url && listening.resolve(Number(new URL(facts.url).port)),
    } as unknown as typeof silentLog
    const server = createWebhookServer({ listen: { host: '127.0.0.1', port: 0 }, strict: false, lingerMs: 200, log })
    const stop = new AbortController()
    const running = server.run(stop.signal)
    server.use(first)
    const port = await listening.promise
    const before = await connectTo(port, old)
    expect(serialOf(before)).toBe(new X509Certificate(first.certificate).serialNumber)

    server.use(second)
    const after = await connectTo(port, fresh)
    expect(serialOf(after)).toBe(new X509Certificate(second.certificate).serialNumber)
    await expect(connectTo(port, old)).rejects.toThrow('unable to verify')
    expect(await ask(before)).toContain('200 OK')

    stop.abort()
    expect(await ask(await connectTo(port, fresh))).toContain('200 OK')
    before.destroy()
    after.destroy()
    await running
    await expect(connectTo(port, fresh)).rejects.toThrow('ECONNREFUSED')
  })

  it('ends at once if it is told to before it has a certificate', async () => {
    const server = createWebhookServer({
      listen: { host: '127.0.0.1', port: 0 },
      strict: false,
      lingerMs: 60_000,
      log: silentLog,
    })
    await server.run(AbortSignal.abort())
  })
})
