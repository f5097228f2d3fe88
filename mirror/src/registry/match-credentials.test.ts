import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CredentialEntry } from './credential.ts'
import { matchCredentials } from './match-credentials.ts'

const entry = (key: string): CredentialEntry => ({
  key,
  credential: { username: key, password: 'secret', origin: 'Secret team/pull' },
})
const keysFor = (keys: string[], name: string): string[] => {
  const slash = name.indexOf('/')
  const image = { registry: name.slice(0, slash), repository: name.slice(slash + 1) }
  return matchCredentials(keys.map(entry), image).map(({ username }) => username)
}

describe('matchCredentials', () => {
  it.each([
    ['registry.example', 'registry.example/app', true],
    ['https://registry.example', 'registry.example/app', true],
    ['http://registry.example/', 'registry.example/app', true],
    ['https://registry.example/v2/', 'registry.example/app', true],
    ['registry.example:5000', 'registry.example:5000/app', true],
    ['registry.example', 'registry.example:5000/app', false],
    ['registry.example:5000', 'registry.example/app', false],
    ['*.example', 'registry.example/app', true],
    ['*.example', 'a.registry.example/app', false],
    ['*', 'registry.example/app', false],
    ['*.*', 'registry.example/app', true],
    ['*.dkr.ecr.*.amazonaws.com', '123.dkr.ecr.eu-west-1.amazonaws.com/app', true],
    ['regis[st]ry.example', 'registry.example/app', true],
    ['registry.example/team', 'registry.example/team/app', true],
    ['registry.example/team', 'registry.example/team-b/app', true],
    ['registry.example/team/', 'registry.example/team-b/app', false],
    ['registry.example/team', 'registry.example/other/app', false],
    ['Registry.Example', 'registry.example/app', true],
    ['https://index.docker.io/v1/', 'docker.io/library/nginx', true],
    ['docker.io', 'docker.io/library/nginx', true],
    ['registry-1.docker.io', 'docker.io/library/nginx', true],
    ['docker.io/acme', 'docker.io/library/nginx', false],
    ['https://index.docker.io/v1/', 'registry.example/app', false],
    ['[::1]:5000', '[::1]:5000/app', true],
    ['', 'registry.example/app', false],
  ])('%j is for %j: %j', (key, image, expected) => {
    expect(keysFor([key], image)).toEqual(expected ? [key] : [])
  })

  it('puts the most specific key first and leaves the others behind it', () => {
    expect(
      keysFor(
        ['registry.example', 'registry.example/team/app', '*.example', 'other.example', 'registry.example/team'],
        'registry.example/team/app',
      ),
    ).toEqual(['registry.example/team/app', 'registry.example/team', 'registry.example', '*.example'])
  })

  it('keeps every credential of one key in its order', () => {
    const entries = ['a', 'b'].map((username) => ({
      key: 'registry.example',
      credential: { username, password: 'p', origin: 'o' },
    }))
    const image = { registry: 'registry.example', repository: 'app' }
    expect(matchCredentials(entries, image).map(({ username }) => username)).toEqual(['a', 'b'])
  })

  it('finds every host by its own name, with any port and any prefix of the path', () => {
    const host = fc.domain()
    const port = fc.option(fc.integer({ min: 1, max: 65535 }), { nil: undefined })
    const path = fc.stringMatching(/^[a-z0-9]{1,8}(?:\/[a-z0-9]{1,8}){0,3}$/)
    fc.assert(
      fc.property(host, port, path, fc.nat(), (name, number, repository, cut) => {
        const registry = `${name}${number === undefined ? '' : `:${number}`}`
        const key = `${registry}/${repository.slice(0, cut % (repository.length + 1))}`
        expect(keysFor([key], `${registry}/${repository}`)).toEqual([key])
        expect(keysFor([key], `x.${registry}/${repository}`)).toEqual([])
      }),
    )
  })
})
