import { once } from 'node:events'
import { X509Certificate } from 'node:crypto'
import { get } from 'node:http'
import { connect } from 'node:tls'
import { expect, it } from 'vitest'
import { createFakeCertificate } from '../../registry/fake-certificate.ts'
import { createMirrorServer, listen, useCertificate } from '../mirror-server.ts'
import type { KeyPair } from './key-pair.ts'

function makePair(): KeyPair {
  const { cert, key } = createFakeCertificate()
  return { certificate: cert, key }
}

it('a mirror server with a certificate speaks TLS only, and takes a new certificate for new connections', async () => {
  const [one, other] = [makePair(), makePair()]
  const app = createMirrorServer({ certificate: one })
  app.get('/', () => 'here')
  await using listening = await listen(app, { host: '127.0.0.1', port: 0, graceMs: 0 })
  const { port } = listening.address

  async function shake(ca: string) {
    const socket = connect({ port, host: '127.0.0.1', ca })
    await once(socket, 'secureConnect')
    return socket
  }
  const sameAs = ({ certificate }: KeyPair): string => new X509Certificate(certificate).fingerprint256
  expect(listening.url).toBe(`https://127.0.0.1:${port}`)
  const open = await shake(one.certificate)
  expect(open.getPeerCertificate().fingerprint256).toBe(sameAs(one))

  useCertificate(app, other)
  const next = await shake(other.certificate)
  expect(next.getPeerCertificate().fingerprint256).toBe(sameAs(other))
  next.destroy()
  open.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  expect(String(Buffer.concat(await Array.fromAsync(open)))).toMatch(/^HTTP\/1\.1 200 .*here$/s)

  const plain = get({ port, host: '127.0.0.1' })
  const [error] = (await once(plain, 'error')) as [Error]
  expect(error.message).toMatch(/hang up|reset/i)
})
