import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseChallenges } from './challenge.ts'

const plain = (header: string | string[] | undefined) =>
  parseChallenges(header).map(({ scheme, parameters, token68 }) => [scheme, token68 ?? Object.fromEntries(parameters)])

const hub = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/x:pull"'

describe('parseChallenges', () => {
  it.each<[string, string | string[] | undefined, unknown]>([
    ['nothing', undefined, []],
    ['an empty field', '', []],
    [
      'what Docker Hub says',
      hub,
      [
        [
          'bearer',
          { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:library/x:pull' },
        ],
      ],
    ],
    ['a scheme alone', 'Negotiate', [['negotiate', {}]]],
    ['a token68', 'Negotiate oWA7aXM=', [['negotiate', 'oWA7aXM=']]],
    ['scheme and names in any case', 'BASIC Realm="A b"', [['basic', { realm: 'A b' }]]],
    [
      'commas in a quoted string',
      'Bearer scope="repository:a:pull,push",service=s',
      [['bearer', { scope: 'repository:a:pull,push', service: 's' }]],
    ],
    ['escapes in a quoted string', String.raw`Basic realm="a \"b\" \\c"`, [['basic', { realm: String.raw`a "b" \c` }]]],
    [
      'spaces around the equals sign',
      'Basic realm = "a" ,  charset="UTF-8"',
      [['basic', { realm: 'a', charset: 'UTF-8' }]],
    ],
    [
      'several challenges in one field',
      'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',
      [
        ['newauth', { realm: 'apps', type: '1', title: 'Login to "apps"' }],
        ['basic', { realm: 'simple' }],
      ],
    ],
    [
      'a scheme without parameters before another',
      'Negotiate, Basic realm="x"',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    [
      'a token68 before another challenge',
      'Negotiate abc==, Basic realm=x',
      [
        ['negotiate', 'abc=='],
        ['basic', { realm: 'x' }],
      ],
    ],
    [
      'several fields',
      ['Basic realm="x"', 'Bearer realm="https://a/token"'],
      [
        ['basic', { realm: 'x' }],
        ['bearer', { realm: 'https://a/token' }],
      ],
    ],
    ['empty list members', ', ,Basic realm=x,,', [['basic', { realm: 'x' }]]],
    [
      'a bare URL',
      'Bearer realm=https://a.example/token?x,service=s',
      [['bearer', { realm: 'https://a.example/token?x', service: 's' }]],
    ],
    ['the first of a repeated parameter', 'Basic realm=a, realm=b', [['basic', { realm: 'a' }]]],
    ['what comes before an open quote', 'Bearer service=s, realm="https://', [['bearer', { service: 's' }]]],
    ['a name that is no name', 'Bearer __proto__="x"', [['bearer', Object.fromEntries([['__proto__', 'x']])]]],
  ])('reads %s', (_, header, expected) => {
    expect(plain(header)).toEqual(expected)
  })

  it('reads any challenge with quoted parameters as it was written', () => {
    const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/)
    const challenge = fc.tuple(
      token,
      fc.uniqueArray(fc.tuple(token, fc.string()), { selector: ([name]) => name, minLength: 1 }),
    )
    const write = ([scheme, parameters]: [string, [string, string][]]) =>
      `${scheme} ${parameters.map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`).join(', ')}`
    fc.assert(
      fc.property(fc.array(challenge, { maxLength: 4 }), (challenges) => {
        const read = parseChallenges(challenges.map(write).join(', '))
        expect(read.map(({ scheme, parameters }) => [scheme, [...parameters]])).toEqual(challenges)
      }),
    )
  })

  it('takes any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseChallenges(text)).toBeInstanceOf(Array)
      }),
    )
  })
})
