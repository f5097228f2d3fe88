import { describe, expect, it } from 'vitest'
import { secretSchema, toPullSecret, type PullSecret } from './pull-secret.ts'

function read(fields: object): PullSecret | undefined {
  return toPullSecret(secretSchema.parse({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key' }, ...fields }))
}

const type = 'kubernetes.io/dockerconfigjson'
const config = JSON.stringify({ auths: { 'ghcr.io': { auth: 'dTpw', email: 'a@b' } } })

describe('a pull secret', () => {
  it.each([
    ['base64 data', { type, data: { '.dockerconfigjson': Buffer.from(config).toString('base64') } }],
    ['stringData', { type, stringData: { '.dockerconfigjson': config } }],
    [
      'the legacy form',
      { type: 'kubernetes.io/dockercfg', stringData: { '.dockercfg': '{"ghcr.io":{"auth":"dTpw"}}' } },
    ],
  ])('is read from %s', (_, fields) => {
    const credential = { username: 'u', password: 'p', origin: 'Secret default/key' }
    expect(read(fields)).toEqual({
      namespace: 'default',
      name: 'key',
      credentials: [{ key: 'ghcr.io', credential }],
    })
  })

  it('is not made of a Secret of another type', () => {
    expect(read({ type: 'Opaque', data: { token: 'abcd' } })).toBeUndefined()
    expect(read({ stringData: { '.dockerconfigjson': config } })).toBeUndefined()
  })

  it.each([
    ['a missing key', { type, data: {} }, 'holds no .dockerconfigjson'],
    ['no JSON', { type, stringData: { '.dockerconfigjson': 'hunter2' } }, 'is not JSON'],
    ['other JSON', { type, stringData: { '.dockerconfigjson': '"hunter2"' } }, 'expected object'],
  ])('is refused for %s without a word of its content', (_, fields, message) => {
    const attempt = (): unknown => read(fields)
    expect(attempt).toThrow(message)
    expect(attempt).not.toThrow('hunter2')
  })
})
