import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matchesImage, whyNotPattern } from './match-image.ts'

describe('matchesImage', () => {
  it.each([
    ['gcr.io', 'gcr.io/team/app', true],
    ['gcr.io', 'eu.gcr.io/team/app', false],
    ['*.gcr.io', 'eu.gcr.io/team/app', true],
    ['*.gcr.io', 'gcr.io/team/app', false],
    ['*.gcr.io', 'a.b.gcr.io/team/app', false],
    ['*', 'localhost/app', true],
    ['*', 'gcr.io/app', false],
    ['*.*', 'gcr.io/app', true],
    ['k8s.*.io', 'k8s.test.io/app', true],
    ['app*.k8s.io', 'apple.k8s.io/app', true],
    ['app*.k8s.io', 'zapp.k8s.io/app', false],
    ['*.dkr.ecr.*.amazonaws.com', '123.dkr.ecr.eu-west-1.amazonaws.com/app', true],
    ['*.dkr.ecr.*.amazonaws.com', '123.dkr.ecr.cn-north-1.amazonaws.com.cn/app', false],
    ['registry.io:8080/path', 'registry.io:8080/path/app', true],
    ['registry.io:8080/path', 'registry.io:8080/pathology/app', true],
    ['registry.io:8080/path', 'registry.io/path/app', false],
    ['registry.io/path', 'registry.io:8080/path/app', false],
    ['registry.io:*', 'registry.io:8080/app', false],
    ['registry.io/*/app', 'registry.io/team/app', false],
    ['registry.io/', 'registry.io/app', true],
    ['registry.io/team', 'registry.io/other', false],
    ['docker.io', 'docker.io/library/nginx', true],
    ['index.docker.io', 'docker.io/library/nginx', false],
    ['GCR.io', 'gcr.io/app', false],
    ['[::1]:5000', '[::1]:5000/app', true],
    ['127.0.0.1:5000', '127.0.0.1:5000/app', true],
    ['127.0.*.*:5000', '127.0.0.1:5000/app', true],
    ['', 'localhost/app', false],
  ])('says of %s and %s: %s', (pattern, image, expected) => {
    expect(matchesImage(pattern, image)).toBe(expected)
  })

  const label = fc.stringMatching(/^[a-z0-9]{1,5}$/)
  const host = fc.array(label, { minLength: 1, maxLength: 4 })
  const port = fc.constantFrom('', ':5000', ':443')
  const path = fc.array(label, { minLength: 1, maxLength: 3 })

  it('takes an image by its own name, by any beginning of its path, and with globs in place of labels', () => {
    const cut = fc.nat(20)
    fc.assert(
      fc.property(host, port, path, cut, fc.array(fc.boolean()), (labels, number, parts, length, globbed) => {
        const image = `${labels.join('.')}${number}/${parts.join('/')}`
        const globs = labels.map((each, index) => (globbed[index] ? '*' : each)).join('.')
        expect(matchesImage(`${globs}${number}${`/${parts.join('/')}`.slice(0, length)}`, image)).toBe(true)
      }),
    )
  })

  it('takes no image of a host with another number of labels, or of another port', () => {
    fc.assert(
      fc.property(host, port, path, (labels, number, parts) => {
        const image = `${labels.join('.')}${number}/${parts.join('/')}`
        expect(matchesImage(`*.${labels.map(() => '*').join('.')}${number}`, image)).toBe(false)
        expect(matchesImage(`${labels.join('.')}${number === ':443' ? '' : ':443'}`, image)).toBe(false)
      }),
    )
  })

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (pattern, image) => typeof matchesImage(pattern, image) === 'boolean'),
    )
  })
})

describe('whyNotPattern', () => {
  it.each([
    'gcr.io',
    '*.dkr.ecr.*.amazonaws.com',
    'registry.io:8080/path',
    'localhost',
    '[::1]:5000',
    '*',
    'registry.io/',
  ])('accepts %s', (pattern) => {
    expect(whyNotPattern(pattern)).toBeUndefined()
  })

  it.each([
    '',
    'https://gcr.io',
    'gcr.io:port',
    'gcr.io:*',
    'a:1:2',
    '/path',
    'gcr.io/a b',
    'gcr.io?x',
    'user@gcr.io',
    'g%41.io',
    'r[0-9].io',
  ])('refuses %j', (pattern) => {
    expect(whyNotPattern(pattern)).toBeDefined()
  })
})
