import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { digestOf } from './digest.ts'
import {
  formatReference,
  isRepository,
  isTag,
  mirrorRepositoryOf,
  parseReference,
  referencePattern,
} from './reference.ts'

const digest = digestOf('x')
const fits = (text: string): boolean => new RegExp(`^${referencePattern}$`).test(text)

describe('parseReference', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.23.1', 'docker.io/library/nginx:1.23.1'],
    ['bitnami/nginx', 'docker.io/bitnami/nginx:latest'],
    ['docker.io/nginx', 'docker.io/library/nginx:latest'],
    ['index.docker.io/library/nginx:1', 'docker.io/library/nginx:1'],
    ['ghcr.io/jitesoft/nginx:1.23.1', 'ghcr.io/jitesoft/nginx:1.23.1'],
    ['us.gcr.io/k8s-artifacts-prod/etcd:3.5.4-0', 'us.gcr.io/k8s-artifacts-prod/etcd:3.5.4-0'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app', 'localhost:5000/app:latest'],
    ['127.0.0.1:5000/a/b/c:t', '127.0.0.1:5000/a/b/c:t'],
    ['[::1]:5000/app:t', '[::1]:5000/app:t'],
    ['[2001:db8::1]/app', '[2001:db8::1]/app:latest'],
    ['HOST/app', 'HOST/app:latest'],
    ['registry/app', 'docker.io/registry/app:latest'],
    ['registry:5000/app', 'registry:5000/app:latest'],
    ['app:5000', 'docker.io/library/app:5000'],
    ['a__b/c--d:e', 'docker.io/a__b/c--d:e'],
    ['xn--7o8h.com/app', 'xn--7o8h.com/app:latest'],
    [`nginx@${digest}`, `docker.io/library/nginx@${digest}`],
    [`nginx:1@${digest}`, `docker.io/library/nginx:1@${digest}`],
  ])('reads %s as %s', (text, canonical) => {
    expect(formatReference(parseReference(text))).toBe(canonical)
    expect(fits(text)).toBe(true)
  })

  it.each([
    ['', /empty/],
    ['docker.io/', /empty/],
    ['Nginx', /lower case/],
    ['ghcr.io/Foo/bar', /lower case/],
    ['a//b', /repository/],
    ['-a/b', /repository/],
    ['a/b-', /repository/],
    ['a/b:', /tag/],
    ['a/b:-t', /tag/],
    [`a/b:${'t'.repeat(129)}`, /tag/],
    ['a/b@sha256:123', /what follows "@" is not a sha256 or sha512 digest$/],
    [`a/b@sha256:${'A'.repeat(64)}`, /digest: write it in lower case$/],
    ['a/b@md5:0123456789abcdef0123456789abcdef', /digest/],
    ['-host.io/app', /registry host/],
    ['host.io:port/app', /registry host/],
    ['a/b;reboot', /repository/],
    ['$(reboot)', /repository/],
    ['../../etc/passwd', /registry host|repository/],
    ['a'.repeat(64), /image id/],
    [`x.io/${'a'.repeat(255)}`, /longer than 255/],
  ])('refuses %j', (text, why) => {
    expect(() => parseReference(text)).toThrow(why)
  })

  it('is stable: reading what was written gives the same reference', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,5}){0,2}$/)
    const host = fc.oneof(fc.constant('docker.io'), fc.stringMatching(/^[a-z]{1,6}\.[a-z]{2,4}(:[0-9]{1,5})?$/))
    const tag = fc.stringMatching(/^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,20}$/)
    fc.assert(
      fc.property(host, fc.array(part, { minLength: 1, maxLength: 4 }), fc.option(tag), (registry, parts, written) => {
        const text = `${registry}/${parts.join('/')}${written ? `:${written}` : ''}`
        const reference = parseReference(text)
        expect(parseReference(formatReference(reference))).toEqual(reference)
        expect(fits(text)).toBe(true)
        expect(isRepository(reference.repository)).toBe(true)
        expect(isRepository(mirrorRepositoryOf(reference))).toBe(true)
      }),
    )
  })

  it('answers any text with a reference or a fault', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          const reference = parseReference(text)
          expect(isRepository(mirrorRepositoryOf(reference))).toBe(true)
          expect(fits(text)).toBe(true)
        } catch (error) {
          expect(error).toMatchObject({ name: 'Fault', code: 'invalid' })
        }
      }),
    )
  })
})

describe('referencePattern', () => {
  it.each([
    'a;b',
    'a b',
    '$(a)',
    '`a`',
    'a|b',
    'a&b',
    "a'b",
    'a"b',
    'a\nb',
    'a\n',
    'a>b',
    '{a,b}',
    'a*',
    '~a',
    'a\\b',
    '#a',
  ])('leaves nothing to a shell: %j', (text) => {
    expect(fits(text)).toBe(false)
  })
})

describe('mirrorRepositoryOf', () => {
  it.each([
    ['nginx', 'docker.io/library/nginx'],
    ['127.0.0.1:5000/app', '127.0.0.1_5000/app'],
    ['[::1]:5000/app', 'ipv6.0-1_5000/app'],
    ['[2001:DB8::1]/app', 'ipv6.2001-db8-0-1/app'],
    ['HOST/app', 'host/app'],
  ])('keeps %s in %s', (text, repository) => {
    expect(mirrorRepositoryOf(parseReference(text))).toBe(repository)
  })
})

describe('isTag', () => {
  it.each([
    ['v1', true],
    ['_x', true],
    ['.x', false],
    ['a/b', false],
    ['', false],
    ['..', false],
  ])('says of %j: %s', (text, yes) => {
    expect(isTag(text)).toBe(yes)
  })
})
