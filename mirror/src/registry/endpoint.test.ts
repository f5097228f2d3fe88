import { describe, expect, it } from 'vitest'
import { endpointsOf, isInsecure } from './endpoint.ts'

describe('endpointsOf', () => {
  it.each<[string, string[], string[]]>([
    ['docker.io', [], ['https://registry-1.docker.io/']],
    ['index.docker.io', [], ['https://registry-1.docker.io/']],
    ['registry.example', [], ['https://registry.example/']],
    ['registry.example:5000', [], ['https://registry.example:5000/']],
    ['127.0.0.1:5000', [], ['http://127.0.0.1:5000/']],
    ['127.1.2.3', [], ['http://127.1.2.3/']],
    ['localhost:5000', [], ['http://localhost:5000/']],
    ['[::1]:5000', [], ['http://[::1]:5000/']],
    ['127.example.org', [], ['https://127.example.org/']],
    ['registry.example', ['registry.example'], ['https://registry.example/', 'http://registry.example/']],
    [
      'registry.example:5000',
      ['registry.example'],
      ['https://registry.example:5000/', 'http://registry.example:5000/'],
    ],
    ['registry.example:5000', ['registry.example:5001'], ['https://registry.example:5000/']],
    ['registry.example', ['registry.example:80'], ['https://registry.example/', 'http://registry.example/']],
    ['127.0.0.1:5000', ['127.0.0.1:5000'], ['https://127.0.0.1:5000/', 'http://127.0.0.1:5000/']],
    ['http://centre.example:5080', [], ['http://centre.example:5080/']],
    ['https://centre.example/prefix/', [], ['https://centre.example/prefix/']],
  ])('%s with %j insecure: %j', (registry, insecure, expected) => {
    expect(endpointsOf(registry, insecure).map(({ href }) => href)).toEqual(expected)
  })

  it('are of TLS first on loopback where a certificate is given for it', () => {
    const hrefs = endpointsOf('127.0.0.1:5000', [], 'PEM').map(({ href }) => href)
    expect(hrefs).toEqual(['https://127.0.0.1:5000/', 'http://127.0.0.1:5000/'])
    expect(endpointsOf('registry.example', [], 'PEM')).toHaveLength(1)
  })

  it.each(['', 'http://', 'https://user:geheim@centre.example', 'a b', 'http://centre.example/?token=geheim'])(
    'refuses %j',
    (registry) => {
      expect(() => endpointsOf(registry)).toThrow(/is not the address of a registry/)
      expect(() => endpointsOf(registry)).not.toThrow(/geheim/)
    },
  )
})

describe('isInsecure', () => {
  it.each([
    ['https://registry.example', 'registry.example', true],
    ['https://registry.example', 'registry.example:443', true],
    ['https://registry.example:5000', ' Registry.example:5000 ', true],
    ['https://a.registry.example', 'registry.example', false],
    ['https://registry.example', 'registry.example:5000', false],
  ])('%s, listed %j: %j', (url, entry, expected) => {
    expect(isInsecure(new URL(url), [entry])).toBe(expected)
  })
})
