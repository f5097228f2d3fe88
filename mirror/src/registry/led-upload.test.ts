import { createServer } from 'node:https'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { digestOf } from '../oci/digest.ts'
import { createFakeCertificate } from './fake-certificate.ts'
import { ledUpload } from './led-upload.ts'
import { createRegistryClient } from './registry-client.ts'
import { createRegistrySink } from './registry-sink.ts'

describe('an upload', () => {
  it.each([
    ['http://reg.example/v2/a/blobs/uploads/1?state=x', 'https://reg.example:5443/v2/a/blobs/uploads/1?state=x'],
    ['http://reg.example:5443/up', 'https://reg.example:5443/up'],
    ['https://other.example/up', 'https://other.example/up'],
    ['http://127.0.0.1:5000/up', 'http://127.0.0.1:5000/up'],
    ['http://inside.example/up', 'http://inside.example/up'],
  ])('that is led to %s goes to %s', (target, expected) => {
    const led = ledUpload(new URL(target), {
      endpoint: new URL('https://reg.example:5443'),
      insecureRegistries: ['inside.example'],
    })
    expect(led.href).toBe(expected)
  })

  it.each(['http://reg.example:5000/up', 'http://other.example/up', 'http://reg.example.org/up?state=secret'])(
    'is not led from https to %s',
    (target) => {
      const endpoint = new URL('https://reg.example:5443')
      const expected = expect.objectContaining({
        code: 'invalid',
        message: expect.not.stringContaining('secret') as string,
      }) as Error
      expect(() => ledUpload(new URL(target), { endpoint, insecureRegistries: [] })).toThrow(expected)
    },
  )

  it('goes wherever a registry in the clear leads it', () => {
    const target = new URL('http://other.example/up')
    expect(ledUpload(target, { endpoint: new URL('http://reg.example'), insecureRegistries: [] })).toBe(target)
  })

  it.each([
    ['itself without TLS', (host: string) => `http://${host}/up`, undefined],
    ['another host without TLS', () => 'http://192.0.2.1/up', 'invalid'],
  ])('is sent over TLS or not at all by a registry that names %s', async (_, locationOf, code) => {
    const bytes = Buffer.from('a layer')
    const seen: string[] = []
    const tls = createFakeCertificate()
    const server = createServer(tls, (request, response) => {
      seen.push(`${request.method} ${request.url?.split('?')[0]}`)
      request.resume().on('end', () => {
        const status = request.method === 'POST' || request.method === 'PATCH' ? 202 : 201
        response.writeHead(status, { location: locationOf(host) }).end()
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const host = `localhost:${(server.address() as AddressInfo).port}`
    await using _server = { [Symbol.asyncDispose]: async () => void server.close() }
    await using client = createRegistryClient({ registry: `https://${host}`, ca: tls.cert })
    const push = async (): Promise<void> => {
      const blob = { mediaType: 'application/octet-stream', digest: digestOf(bytes), size: bytes.length }
      await using ingest = await createRegistrySink(client, { repository: 'a' }).ingest(blob)
      await ingest?.write(
        (async function* () {
          yield bytes
        })(),
      )
      await ingest?.commit()
    }
    if (code) await expect(push()).rejects.toMatchObject({ code })
    else await push()
    expect(seen).toEqual(code ? ['POST /v2/a/blobs/uploads/'] : ['POST /v2/a/blobs/uploads/', 'PATCH /up', 'PUT /up'])
  })
})
