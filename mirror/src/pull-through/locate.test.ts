import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { isRepository } from '../oci/reference.ts'
import { locate, prefixOfHost } from './locate.ts'
import { freshnessOf, type UpstreamSettings } from './upstream-settings.ts'

const settings = (host: string, more: Partial<UpstreamSettings> = {}): { settings: UpstreamSettings } => ({
  settings: {
    host,
    aliases: [],
    prefix: prefixOfHost(host),
    freshness: 'always',
    repositories: [],
    isDefault: false,
    prefetch: undefined,
    ...more,
  },
})
const hub = settings('docker.io')
const local = settings('reg.local:5000', { aliases: ['reg.example'] })
const team = settings('ghcr.io', { prefix: 'mirrors/github' })
const upstreams = [hub, local, team]

it.each<[string, string | null, unknown]>([
  ['library/nginx', 'docker.io', [hub, 'library/nginx', 'docker.io/library/nginx']],
  ['nginx', 'docker.io', [hub, 'library/nginx', 'docker.io/library/nginx']],
  ['nginx', 'registry-1.docker.io', [hub, 'library/nginx', 'docker.io/library/nginx']],
  ['team/app', 'INDEX.docker.io', [hub, 'team/app', 'docker.io/team/app']],
  ['docker.io/nginx', null, [hub, 'library/nginx', 'docker.io/library/nginx']],
  ['index.docker.io/nginx', null, [hub, 'library/nginx', 'docker.io/library/nginx']],
  ['registry-1.docker.io/team/app', null, [hub, 'team/app', 'docker.io/team/app']],
  ['docker.io/library/nginx', 'docker.io', [hub, 'library/nginx', 'docker.io/library/nginx']],
  ['app', 'reg.local:5000', [local, 'app', 'reg.local_5000/app']],
  ['app', 'reg.example', [local, 'app', 'reg.local_5000/app']],
  ['reg.local_5000/app', null, [local, 'app', 'reg.local_5000/app']],
  ['reg.example/a/b', null, [local, 'a/b', 'reg.local_5000/a/b']],
  ['mirrors/github/a/b', null, [team, 'a/b', 'mirrors/github/a/b']],
  ['ghcr.io/a/b', null, [team, 'a/b', 'mirrors/github/a/b']],
  ['a/b', 'ghcr.io', [team, 'a/b', 'mirrors/github/a/b']],
  ['library/nginx', null, 'local'],
  ['docker.io', null, 'local'],
  ['docker.iop/nginx', null, 'local'],
  ['mirrors/githubs/x', null, 'local'],
  ['app', 'reg.local', 'unknown'],
  ['app', 'reg.local:5001', 'unknown'],
  ['app', '169.254.169.254', 'unknown'],
  ['app', '', 'unknown'],
  ['docker.io/nginx', 'quay.io', 'unknown'],
])('%s with ns=%s', (repository, namespace, expected) => {
  const place = locate({ repository, namespace }, upstreams)
  const found = typeof place === 'string' ? place : [place.upstream, place.sourceRepository, place.repository]
  expect(found).toEqual(expected)
})

it('finds nothing but what was allowed, and never leaves its prefix', () => {
  const repository = fc.stringMatching(/^[a-z0-9]{1,5}(?:[./_-][a-z0-9]{1,5}){0,4}$/).filter(isRepository)
  fc.assert(
    fc.property(repository, fc.option(fc.string()), (name, namespace) => {
      const place = locate({ repository: name, namespace }, upstreams)
      if (typeof place === 'string') return
      expect(place.repository).toBe(`${place.upstream.settings.prefix}/${place.sourceRepository}`)
      expect(isRepository(place.repository)).toBe(true)
    }),
  )
})

it('takes the freshness of the longest prefix', () => {
  const { settings: rules } = settings('docker.io', {
    repositories: [
      { prefix: 'library', freshness: 'pinned' },
      { prefix: 'library/nginx', freshness: { maxAgeMs: 1, staleMs: 2 } },
    ],
  })
  expect(freshnessOf(rules, 'library/nginx')).toEqual({ maxAgeMs: 1, staleMs: 2 })
  expect(freshnessOf(rules, 'library/nginx2')).toBe('pinned')
  expect(freshnessOf(rules, 'libraryx/nginx')).toBe('always')
})
