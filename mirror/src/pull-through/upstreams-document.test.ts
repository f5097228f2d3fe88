import { expect, it } from 'vitest'
import { allUpstreams, parseUpstreams, plainUpstream } from './upstreams-document.ts'

it('needs no more than a host', () => {
  expect(parseUpstreams('upstreams: [{host: "reg.local:5000"}]')).toEqual([plainUpstream('reg.local:5000')])
  expect(plainUpstream('reg.local:5000')).toMatchObject({
    host: 'reg.local:5000',
    prefix: 'reg.local_5000',
    freshness: { maxAgeMs: 300_000, staleMs: Infinity },
    isPrivate: false,
    url: undefined,
  })
})

it('reads all that can be said of an upstream', () => {
  const text = `
upstreams:
  - host: docker.io
    aliases: [hub.example]
    prefix: mirrors/hub
    freshness: { maxAge: 1h30m, staleWhileRevalidate: 48h }
    repositories:
      - { prefix: library, freshness: pinned }
      - { prefix: team/app, freshness: always }
    url: https://registry.example:8443
    dockerConfig: /etc/stowage/hub.json
    caFile: /etc/stowage/ca.pem
    proxy: http://proxy.example:3128
    prefetch: { platforms: [linux/amd64, linux/aarch64] }
  - host: reg.local:5000
    plainHttp: true
    private: true
`
  expect(parseUpstreams(text)).toMatchObject([
    {
      prefix: 'mirrors/hub',
      freshness: { maxAgeMs: 5_400_000, staleMs: 172_800_000 },
      repositories: [
        { prefix: 'library', freshness: 'pinned' },
        { prefix: 'team/app', freshness: 'always' },
      ],
      url: 'https://registry.example:8443',
      dockerConfig: '/etc/stowage/hub.json',
      isPrivate: true,
      isMeantForAll: false,
      prefetch: { platforms: [{ architecture: 'amd64' }, { architecture: 'arm64' }], referrers: true },
    },
    { url: 'http://reg.local:5000', isPrivate: true },
  ])
})

it('takes what was fetched with credentials for private unless somebody says that it is not', () => {
  const read = (more: string) => parseUpstreams(`upstreams: [{host: a.b, dockerConfig: x${more}}]`)[0]
  expect(read('')).toMatchObject({ isPrivate: true, isMeantForAll: false })
  expect(read(', private: false')).toMatchObject({ isPrivate: false, isMeantForAll: true })
})

it('takes no upstream twice', () => {
  const [hub, other] = [plainUpstream('docker.io'), plainUpstream('ghcr.io')]
  expect(allUpstreams([hub], [other])).toEqual([hub, other])
  expect(() => allUpstreams([hub], [other, hub])).toThrow('the upstream docker.io is named twice')
})

it.each([
  ['upstreams: [', /^not YAML: /],
  ['', /^the document: it is missing$/],
  ['a', /^the document: /],
  ['upstreams: [{hots: docker.io}]', /^upstreams\[0\]\.host: it is missing; upstreams\[0\]: "hots" is not known/],
  ['upstreams:', /^upstreams: it is missing$/],
  ['upstreams: [{host: "https://docker.io"}]', /^upstreams\[0\]\.host: not a host/],
  ['upstreams: [{host: "docker.io/library"}]', /^upstreams\[0\]\.host: not a host/],
  ['upstreams: [{host: docker}]', /^upstreams\[0\]\.host: not a host/],
  ['upstreams: [{host: docker.io, prefix: Hub}]', /^upstreams\[0\]\.prefix: not the beginning/],
  ['upstreams: [{host: docker.io, freshness: never}]', /^upstreams\[0\]\.freshness: neither pinned/],
  ['upstreams: [{host: docker.io, freshness: {maxAge: soon}}]', /^upstreams\[0\]\.freshness/],
  ['upstreams: [{host: docker.io, repositories: [{prefix: a}]}]', /^upstreams\[0\]\.repositories\[0\]\.freshness: /],
  ['upstreams: [{host: docker.io, url: "ftp://a"}]', /^upstreams\[0\]\.url: not a URL/],
  ['upstreams: [{host: docker.io, url: "https://u:p@a"}]', /^upstreams\[0\]\.url: not a URL/],
  ['upstreams: [{host: docker.io, proxy: "a:1"}]', /^upstreams\[0\]\.proxy: not the URL of a proxy/],
  [
    'upstreams: [{host: docker.io, prefetch: {platforms: [linux]}}]',
    /^upstreams\[0\]\.prefetch\.platforms\[0\]: .*not a platform/,
  ],
  ['upstreams: [{host: docker.io, password: x}]', /^upstreams\[0\]: .*password/],
  ['upstreams: [{host: a.b, default: true}, {host: c.d, default: true}]', /^upstreams\[1\]: is not the only one/],
  ['upstreams: [{host: docker.io}, {host: index.docker.io}]', /^upstreams\[1\]: is named twice/],
  ['upstreams: [{host: a.b, prefix: x}, {host: c.d, prefix: x/y}]', /^upstreams\[1\]: has a host or prefix of a\.b/],
  ['upstreams: [{host: a.b}, {host: c.d, aliases: [a.b]}]', /^upstreams\[1\]: has a host or prefix of a\.b/],
])('says in which field a mistake is: %j', (text, message) => {
  expect(() => parseUpstreams(text)).toThrow(message)
})
