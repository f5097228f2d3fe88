import { once } from 'node:events'
import { createServer, request as forward, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { connect, type AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createFakeCertificate, type FakeCertificate } from './fake-certificate.ts'
import { openFakeUpstream } from './fake-upstream.ts'
import { proxyFor } from './proxy.ts'
import { openTransport, readCapped } from './transport.ts'

const settings = { httpProxy: 'http://plain.example:3128', httpsProxy: 'http://secure.example:3128' }
const isProxied = (url: string, noProxy: string) => proxyFor(new URL(url), { ...settings, noProxy }) !== undefined

describe('proxyFor', () => {
  it.each([
    ['http://registry.example/', 'http://plain.example:3128/'],
    ['https://registry.example/', 'http://secure.example:3128/'],
  ])('%s goes through %s', (url, proxy) => {
    expect(proxyFor(new URL(url), settings)?.href).toBe(proxy)
  })

  it('does not send https through the proxy for http', () => {
    expect(proxyFor(new URL('https://registry.example'), { httpProxy: settings.httpProxy })).toBeUndefined()
  })

  it.each(['http://localhost:5000/', 'http://127.0.0.1/', 'http://127.8.9.1:5000/', 'http://[::1]:5000/'])(
    'never sends %s through a proxy',
    (url) => {
      expect(isProxied(url, '')).toBe(false)
    },
  )

  it('understands a proxy without a scheme', () => {
    expect(proxyFor(new URL('http://a.example'), { httpProxy: 'proxy.example:3128' })?.href).toBe(
      'http://proxy.example:3128/',
    )
  })

  it('refuses a proxy that is none, without showing it', () => {
    const ask = () => proxyFor(new URL('http://a.example'), { httpProxy: 'ftp://user:geheim@proxy' })
    expect(ask).toThrow(/not the URL of a proxy/)
    expect(ask).not.toThrow(/geheim/)
  })

  it.each([
    ['https://registry.example/', '*', false],
    ['https://registry.example/', 'registry.example', false],
    ['https://a.registry.example/', 'registry.example', false],
    ['https://aregistry.example/', 'registry.example', true],
    ['https://registry.example/', '.registry.example', true],
    ['https://a.registry.example/', '.registry.example', false],
    ['https://a.registry.example/', '*.registry.example', false],
    ['https://registry.example/', '*.registry.example', true],
    ['https://REGISTRY.example/', 'Registry.Example', false],
    ['https://registry.example:5000/', 'registry.example:5000', false],
    ['https://registry.example/', 'registry.example:443', false],
    ['http://registry.example/', 'registry.example:443', true],
    ['https://registry.example/', 'other.example, registry.example', false],
    ['https://registry.example/', 'other.example registry.example', false],
    ['https://10.1.2.3/', '10.0.0.0/8', false],
    ['https://11.1.2.3/', '10.0.0.0/8', true],
    ['https://10.1.2.3/', '10.1.2.3', false],
    ['https://10.1.2.3:5000/', '10.1.2.3:5000', false],
    ['https://110.1.2.3/', '10.1.2.3', true],
    ['https://[fd00::1]/', 'fd00::/8', false],
    ['https://[fd00::1]/', '[fd00::1]', false],
    ['https://[fd00::1]/', 'fd00::1', false],
    ['https://[fd00::1]/', '10.0.0.0/8', true],
    ['https://10.1.2.3/', '10.0.0.0/99', true],
    ['https://registry.example/', 'nonsense/8', true],
    ['https://registry.example/', ' , ', true],
  ])('%s with NO_PROXY=%j is proxied: %j', (url, noProxy, expected) => {
    expect(isProxied(url, noProxy)).toBe(expected)
  })
})

describe('a transport behind a proxy', () => {
  const open: AsyncDisposable[] = []
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
  })

  /** Lets everything lead to one upstream, whatever its name. */
  async function openProxy(upstream: string, { status = 200, tls }: { status?: number; tls?: FakeCertificate } = {}) {
    const asked: string[] = []
    const [host, port] = upstream.split(':')
    const serve = (listener: RequestListener): Server =>
      tls ? createSecureServer(tls, listener) : createServer(listener)
    const server = serve((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      const path = new URL(request.url ?? '').pathname
      request.pipe(
        forward({ host, port, path }, (answer) => void answer.pipe(response.writeHead(answer.statusCode ?? 500))),
      )
    })
    server.on('connect', (request, socket) => {
      asked.push(`CONNECT ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim())
      if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`)
      const tunnel = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        tunnel.pipe(socket).pipe(tunnel)
      })
      tunnel.on('error', () => socket.destroy())
      socket.on('error', () => tunnel.destroy())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    open.push({
      async [Symbol.asyncDispose]() {
        server.closeAllConnections()
        server.close()
      },
    })
    const { port: ownPort } = server.address() as AddressInfo
    return { url: `${tls ? 'https' : 'http'}://user:pass@127.0.0.1:${ownPort}`, asked }
  }

  it('forwards plain HTTP and tunnels TLS, with the name of the proxy user', async () => {
    const tls = createFakeCertificate()
    const [plain, secure] = [await openFakeUpstream(), await openFakeUpstream({ tls })]
    const [plainProxy, secureProxy] = [await openProxy(plain.host), await openProxy(secure.host)]
    const proxy = { httpProxy: plainProxy.url, httpsProxy: secureProxy.url }
    const transport = openTransport({ proxy, insecureRegistries: ['registry.example'] })
    open.push(plain, secure, transport)
    for (const url of ['http://registry.example/v2/', 'https://registry.example/v2/']) {
      const answer = await transport.send(new URL(url))
      expect(answer.status).toBe(200)
      await readCapped(answer, 1000)
    }
    expect(plainProxy.asked).toEqual(['GET http://registry.example/v2/'])
    expect(secureProxy.asked).toEqual([
      `CONNECT registry.example:443 Basic ${Buffer.from('user:pass').toString('base64')}`,
    ])
  })

  it('speaks TLS to a proxy that wants it, under the name of the proxy', async () => {
    const tls = createFakeCertificate()
    const [plain, secure] = [await openFakeUpstream(), await openFakeUpstream({ tls })]
    const [plainProxy, secureProxy] = [await openProxy(plain.host, { tls }), await openProxy(secure.host, { tls })]
    const proxy = { httpProxy: plainProxy.url, httpsProxy: secureProxy.url }
    const transport = openTransport({ proxy, ca: tls.cert })
    open.push(plain, secure, transport)
    for (const url of ['http://registry.example/v2/', 'https://localhost.example/v2/']) {
      const answer = await transport.send(new URL(url)).catch((error: unknown) => error)
      if (url.startsWith('http:')) expect(answer).toMatchObject({ status: 200 })
      // The tunnel stands: what is behind it has no certificate for that name.
      else expect(answer).toMatchObject({ message: expect.stringContaining('its certificate is for another host') })
    }
    expect(plainProxy.asked).toEqual(['GET http://registry.example/v2/'])
    expect(secureProxy.asked).toMatchObject([expect.stringContaining('CONNECT localhost.example:443')])
  })

  it('keeps a tunnel for longer than it may take to dig one', async () => {
    const upstream = await openFakeUpstream({ tls: createFakeCertificate() })
    const proxy = await openProxy(upstream.host)
    const options = { proxy: { httpsProxy: proxy.url }, insecureRegistries: ['registry.example'] }
    const transport = openTransport({ ...options, timeouts: { connectMs: 500 } })
    open.push(upstream, transport)
    for (let round = 0; round < 2; round++) {
      await readCapped(await transport.send(new URL('https://registry.example/v2/')), 1000)
      await new Promise((resolve) => setTimeout(resolve, 700))
    }
    expect(proxy.asked).toHaveLength(1)
  })

  it.each([
    [403, 'registry.example: the proxy refused to connect (403)'],
    [407, 'registry.example: the proxy wants a user and a password (407)'],
  ])('says that the proxy answered %i', async (status, message) => {
    const proxy = await openProxy('127.0.0.1:1', { status })
    const transport = openTransport({ proxy: { httpsProxy: proxy.url } })
    open.push(transport)
    await expect(transport.send(new URL('https://registry.example/v2/'))).rejects.toMatchObject({
      code: 'unavailable',
      message,
    })
  })
})
