import { describe, expect, it } from 'vitest'
import type { Access, Principal } from '../authorize.ts'
import { parseAccessRules, simpleRules } from './access-rules.ts'
import { authorizeByRules } from './authorize-by-rules.ts'

const anonymous: Principal = { kind: 'anonymous' }
const user = (name: string): Principal => ({ kind: 'user', name })
const access = (action: 'pull' | 'push' | 'delete', repository: string): Access => ({ action, repository })

const rules = parseAccessRules(`
rules:
  - repositories: [docker.io/**, public/*]
    who: anyone
    may: [pull]
  - repositories: [team-a/**]
    who: [ann, ci]
    may: [pull, push]
  - repositories: ['**']
    who: users
    may: [pull]
  - repositories: ['tmp/*-build']
    who: [ci]
    may: [delete]
`)

describe('rules', () => {
  const authorize = authorizeByRules({ rules: () => rules, hasUsers: true })
  const may = (principal: Principal, wanted: Access): boolean => authorize(principal, wanted).allowed

  it.each<[string, Principal, Access, boolean]>([
    ['anybody below a prefix', anonymous, access('pull', 'docker.io/library/nginx'), true],
    ['nobody at the prefix itself', anonymous, access('pull', 'docker.io'), false],
    ['one part for a star', anonymous, access('pull', 'public/app'), true],
    ['and no two', anonymous, access('pull', 'public/app/more'), false],
    ['pull and not push', anonymous, access('push', 'public/app'), false],
    ['a named user', user('ann'), access('push', 'team-a/app'), true],
    ['not another one', user('bob'), access('push', 'team-a/app'), false],
    ['all users', user('bob'), access('pull', 'team-a/app'), true],
    ['not those without credentials', anonymous, access('pull', 'team-a/app'), false],
    ['not a name that only begins alike', user('ann'), access('push', 'team-ab/app'), false],
    ['what was said and no more', user('ann'), access('delete', 'team-a/app'), false],
    ['a star within a part', user('ci'), access('delete', 'tmp/1-build'), true],
    [
      'nothing private for the anonymous',
      anonymous,
      { action: 'pull', repository: 'public/a', isPrivate: true },
      false,
    ],
    ['what is private for users', user('bob'), { action: 'pull', repository: 'public/a', isPrivate: true }, true],
    ['a list for who may pull something', anonymous, { action: 'list' }, true],
    ['names that may be pulled', anonymous, { action: 'list', repository: 'public/a' }, true],
    ['no private names', anonymous, { action: 'list', repository: 'public/a', isPrivate: true }, false],
    ['and no others', anonymous, { action: 'list', repository: 'team-a/app' }, false],
    ['the probe only with credentials', anonymous, { action: 'connect' }, false],
    ['and to all who have some', user('bob'), { action: 'connect' }, true],
  ])('allow %s', (_, principal, wanted, allowed) => {
    expect(may(principal, wanted)).toBe(allowed)
  })

  it('are narrowed by what a token was made for', () => {
    const grants = { repositories: new Map([['team-a/app', new Set(['pull'] as const)]]), list: false }
    const ann = { kind: 'user', name: 'ann', grants } as const
    expect(may(ann, access('pull', 'team-a/app'))).toBe(true)
    expect(may(ann, access('push', 'team-a/app'))).toBe(false)
    expect(may(ann, access('pull', 'team-a/other'))).toBe(false)
    expect(may(ann, { action: 'list' })).toBe(false)
    expect(may({ ...ann, name: 'eve' }, access('pull', 'docker.io/x'))).toBe(false)
  })

  it('allow nothing where there are none', () => {
    const none = authorizeByRules({ rules: () => parseAccessRules('rules: []'), hasUsers: true })
    expect(none(user('ann'), access('pull', 'a')).allowed).toBe(false)
  })

  it('without a file let users do everything, and others pull if that is wanted', () => {
    const open = authorizeByRules({ rules: () => simpleRules({ anonymousPull: true }), hasUsers: true })
    const closed = authorizeByRules({ rules: () => simpleRules({ anonymousPull: false }), hasUsers: true })
    expect([open, closed].map((one) => one(user('ann'), access('delete', 'a')).allowed)).toEqual([true, true])
    expect([open, closed].map((one) => one(anonymous, access('pull', 'a')).allowed)).toEqual([true, false])
    expect(open(anonymous, access('push', 'a')).allowed).toBe(false)
  })
})

describe('a file of rules', () => {
  it('may be JSON', () => {
    expect(parseAccessRules('{"rules":[{"repositories":["a"],"who":"anyone","may":["pull"]}]}')).toHaveLength(1)
  })

  it.each([
    ['rules: [', /^not YAML: /],
    ['', /^the document: /],
    ['rule: []', /rules: .*; the document: .*rule/],
    ['rules: [{repositories: [a], who: anyone, may: [read]}]', /^rules\[0\]\.may\[0\]: /],
    ['rules: [{repositories: [a], who: everyone, may: [pull]}]', /^rules\[0\]\.who: neither anyone, nor users/],
    ['rules: [{repositories: [A], who: anyone, may: [pull]}]', /^rules\[0\]\.repositories\[0\]: not a pattern/],
    ['rules: [{repositories: [a**], who: anyone, may: [pull]}]', /^rules\[0\]\.repositories\[0\]: not a pattern/],
    ['rules: [{repositories: [], who: anyone, may: [pull]}]', /^rules\[0\]\.repositories: /],
    ['rules: [{repositories: [a], who: anyone, may: [pull], deny: [push]}]', /^rules\[0\]: .*deny/],
  ])('with a mistake says in which field it is: %j', (text, message) => {
    expect(() => parseAccessRules(text)).toThrow(message)
  })
})
