import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createFakeCertificate } from './fake-certificate.ts'
import { addFakeImage } from './fake-image.ts'
import { createFakePull } from './fake-pull.ts'
import { openFakeUpstream } from './fake-upstream.ts'
import type { Fault } from '../oci/fault.ts'
import { createInsideGuard } from './inside-guard.ts'
import { createRegistryClient } from './registry-client.ts'
import { discard, openTransport } from './transport.ts'

const { upstreamOf, clientOf } = createFakePull()

describe('connections', () => {
  const tls = createFakeCertificate()

  it('says that nobody listens', async () => {
    const upstream = await openFakeUpstream()
    await upstream[Symbol.asyncDispose]()
    await expect(clientOf(upstream).resolve('app', 'v1')).rejects.toMatchObject({
      code: 'unavailable',
      message: `${upstream.host}: connection refused`,
    })
  })

  it('says that a host does not exist', async () => {
    await expect(clientOf({ host: 'registry.invalid' }).resolve('app', 'v1')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^registry\.invalid: (?:no such host|its name could not be looked up)/),
    })
  })

  it('gives up a registry that says nothing', async () => {
    const upstream = await upstreamOf()
    addFakeImage(upstream)
    upstream.trouble({ when: /./, silentAfter: 0, without: ['content-length'] })
    const client = clientOf(upstream, { timeouts: { stallMs: 60 } })
    await expect(client.manifest('team/app', 'v1')).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('trusts a certificate that is given', async () => {
    const upstream = await upstreamOf({ tls })
    const { root } = addFakeImage(upstream)
    const client = clientOf(upstream, { registry: `https://${upstream.host}`, ca: tls.cert })
    expect(await client.resolve('team/app', 'v1')).toEqual(root)
  })

  it('trusts a certificate that is given, also on loopback, where there is plain HTTP without one', async () => {
    const overTls = await upstreamOf({ tls })
    const { root } = addFakeImage(overTls)
    expect(await clientOf(overTls, { ca: tls.cert }).resolve('team/app', 'v1')).toEqual(root)
    const inPlain = await upstreamOf()
    addFakeImage(inPlain)
    expect(await clientOf(inPlain, { ca: tls.cert }).resolve('team/app', 'v1')).toEqual(root)
  })

  it('guesses that a registry speaks TLS which hangs up on plain HTTP, unless it ever answered that', async () => {
    const upstream = await upstreamOf({ tls })
    await expect(clientOf(upstream).resolve('app', 'v1')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('perhaps it speaks TLS'),
    })
    let answers = 1
    await using server = createServer((request, response) => {
      if (answers-- > 0) response.end()
      else request.socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    await using transport = openTransport()
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v2/`)
    await discard(await transport.send(url))
    await expect(transport.send(url)).rejects.toMatchObject({ message: `${url.host}: the connection was cut` })
  })

  it('says how to trust a certificate', async () => {
    const upstream = await upstreamOf({ tls })
    const client = clientOf(upstream, { registry: `https://${upstream.host}` })
    await expect(client.resolve('team/app', 'v1')).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('--ca-file'),
    })
  })

  it('says that a certificate has expired', async () => {
    const old = createFakeCertificate({ expired: true })
    const upstream = await upstreamOf({ tls: old })
    const client = clientOf(upstream, { registry: `https://${upstream.host}`, ca: old.cert })
    await expect(client.resolve('team/app', 'v1')).rejects.toMatchObject({
      message: expect.stringContaining('has expired'),
    })
  })

  it('says that a registry speaks plain HTTP', async () => {
    const upstream = await upstreamOf()
    const client = clientOf(upstream, { registry: `https://${upstream.host}` })
    await expect(client.resolve('team/app', 'v1')).rejects.toMatchObject({
      message: expect.stringContaining('--insecure-registry'),
    })
  })

  it.each([
    ['TLS with any certificate', tls],
    ['plain HTTP if there is no TLS', undefined],
  ])('speaks %s to a registry that is listed as insecure', async (_, certificate) => {
    const upstream = await upstreamOf(certificate ? { tls: certificate } : {})
    const { root } = addFakeImage(upstream)
    const client = clientOf(upstream, { insecureRegistries: [upstream.host] })
    expect(await client.resolve('team/app', 'v1')).toEqual(root)
  })

  it.each([
    ['a registry inside to another one inside', 'harbor.site', 'minio.site', 200],
    ['a registry outside to an address inside', 'registry.example', '127.0.0.1', 'invalid'],
    ['a registry outside to a name for an address inside', 'registry.example', 'minio.site', 'invalid'],
  ])('lead from %s', async (_, from, to, expected) => {
    const upstream = await upstreamOf()
    const hosts: Record<string, string> = {
      'harbor.site': '10.0.0.5',
      'minio.site': '127.0.0.1',
      'registry.example': '93.184.215.14',
    }
    const look = async (name: string) => [{ address: hosts[name]!, family: 4 }]
    await using transport = openTransport({ guard: createInsideGuard([new URL(`https://${from}`)], look) })
    const url = new URL(`http://${to}:${upstream.host.split(':')[1]}/v2/`)
    const said = await transport.send(url).then(
      ({ status }) => status,
      (error: Fault) => error.code,
    )
    expect(said).toBe(expected)
  })

  it('refuses a file of authorities that holds none', () => {
    expect(() => createRegistryClient({ registry: 'registry.example', ca: 'hello' })).toThrow(/no certificate/)
    const broken = '-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n'
    expect(() => createRegistryClient({ registry: 'registry.example', ca: broken })).toThrow(/cannot be read/)
  })
})
