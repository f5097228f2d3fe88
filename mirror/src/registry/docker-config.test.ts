import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fault } from '../oci/fault.ts'
import { parseDockerConfig, parsePullSecret } from './docker-config.ts'

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const config = (document: unknown) => parseDockerConfig(JSON.stringify(document), 'config.json')
const only = (auth: unknown) => config({ auths: { 'registry.example': auth } }).entries[0]?.credential
const thrown = (run: () => unknown): Fault => {
  try {
    run()
  } catch (error) {
    if (error instanceof Fault) return error
  }
  throw new Error('no fault was thrown')
}

describe('parseDockerConfig', () => {
  it.each([
    ['auth', { auth: base64('alice:pa:ss') }, ['alice', 'pa:ss']],
    ['auth without padding', { auth: base64('alice:pass1').replace(/=+$/, '') }, ['alice', 'pass1']],
    ['auth before user and password', { auth: base64('alice:a'), username: 'bob', password: 'b' }, ['alice', 'a']],
    ['user and password', { username: 'bob', password: 'b', email: 'bob@example.org' }, ['bob', 'b']],
    ['a password padded with NUL', { auth: base64('alice:a\0\0') }, ['alice', 'a']],
    ['a JSON key as the password', { auth: base64('_json_key:{"a": "b:c"}') }, ['_json_key', '{"a": "b:c"}']],
    ['a robot of Harbor', { auth: base64('robot$team+ci:s') }, ['robot$team+ci', 's']],
  ])('reads %s', (_, auth, [username, password]) => {
    expect(only(auth)).toEqual({ username, password, origin: 'config.json' })
  })

  it('reads an identity token beside the user of auth', () => {
    expect(only({ auth: base64('00000000-0000-0000-0000-000000000000:'), identitytoken: 'refresh' })).toEqual({
      username: '00000000-0000-0000-0000-000000000000',
      password: '',
      identityToken: 'refresh',
      origin: 'config.json',
    })
  })

  it('leaves out entries that a credential helper keeps', () => {
    expect(
      config({ auths: { 'registry.example': {} }, credsStore: 'desktop', credHelpers: { 'gcr.io': 'gcloud' } }),
    ).toEqual({ origin: 'config.json', entries: [], credsStore: 'desktop', credHelpers: { 'gcr.io': 'gcloud' } })
  })

  it('reads a configuration that says nothing about credentials', () => {
    expect(config({ HttpHeaders: { 'X-Meta': 'x' } })).toEqual({ origin: 'config.json', entries: [], credHelpers: {} })
  })

  it.each([
    ['no JSON', '{"auths": {"registry.example": {"password": "geheim"', 'config.json is not JSON'],
    ['no base64', '{"auths": {"r": {"auth": "geheim: geheim"}}}', 'auth of "r" is not the base64 of USER:PASSWORD'],
    ['no colon', `{"auths": {"r": {"auth": "${base64('geheim')}"}}}`, 'auth of "r" is not the base64'],
    ['a password that is no text', '{"auths": {"r": {"password": 4711}}}', 'config.json: auths.r.password'],
    ['auths that are a list', '{"auths": ["geheim"]}', 'config.json: auths'],
  ])('refuses %s without quoting it', (_, json, message) => {
    const fault = thrown(() => parseDockerConfig(json, 'config.json'))
    expect(fault.code).toBe('invalid')
    expect(fault.message).toContain(message)
    expect(`${fault.message} ${String(fault.cause)}`).not.toMatch(/geheim|4711/)
  })

  it('gives back any user and password', () => {
    const user = fc.string().filter((name) => !name.includes(':'))
    const secret = fc.string().filter((word) => !word.endsWith('\0'))
    fc.assert(
      fc.property(user, secret, (username, password) => {
        fc.pre(username !== '' || password !== '')
        const wellFormed = Buffer.from(`${username}:${password}`).toString() === `${username}:${password}`
        fc.pre(wellFormed)
        expect(only({ auth: base64(`${username}:${password}`) })).toMatchObject({ username, password })
      }),
    )
  })
})

describe('parsePullSecret', () => {
  const secret = { namespace: 'team', name: 'pull' }
  const auths = { 'registry.example': { auth: base64('alice:a') } }
  const alice = [
    { key: 'registry.example', credential: { username: 'alice', password: 'a', origin: 'Secret team/pull' } },
  ]

  it.each([
    ['dockerconfigjson', { data: { '.dockerconfigjson': base64(JSON.stringify({ auths })) } }],
    ['dockerconfigjson as stringData', { stringData: { '.dockerconfigjson': JSON.stringify({ auths }) } }],
    ['the older dockercfg', { data: { '.dockercfg': base64(JSON.stringify(auths)) } }],
  ])('reads %s', (_, fields) => {
    expect(parsePullSecret({ ...secret, ...fields })).toEqual(alice)
  })

  it('names a Secret of another type', () => {
    const fault = thrown(() => parsePullSecret({ ...secret, type: 'Opaque', data: { password: base64('geheim') } }))
    expect(fault).toMatchObject({ code: 'invalid' })
    expect(fault.message).toContain('Secret team/pull is of type Opaque')
  })
})
