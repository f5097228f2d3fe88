import { createSecretKey, randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createSignedTokens, type Claims } from './signed-tokens.ts'

const key = createSecretKey(randomBytes(32))
const claims: Claims = {
  name: 'änn',
  mark: 'x',
  grants: { repositories: new Map([['a/b', new Set(['pull', 'push'] as const)]]), list: true },
}

describe('a signed token', () => {
  it('says what it was made for, until it is over', () => {
    let now = 1_000_000
    const tokens = createSignedTokens({ key, lifetimeMs: 60_000, now: () => now })
    const token = tokens.sign(claims)
    now += 59_000
    expect(tokens.read(token)).toEqual(claims)
    now += 1000
    expect(tokens.read(token)).toBeUndefined()
  })

  it('may be of nobody', () => {
    const tokens = createSignedTokens({ key })
    expect(tokens.read(tokens.sign({ ...claims, name: undefined }))).toEqual({ ...claims, name: undefined })
  })

  it('is good for who has the key, and for nobody else', () => {
    const token = createSignedTokens({ key }).sign(claims)
    expect(createSignedTokens({ key }).read(token)).toEqual(claims)
    expect(createSignedTokens({ key: createSecretKey(randomBytes(32)) }).read(token)).toBeUndefined()
  })

  it('is none when anything of it was changed', () => {
    const tokens = createSignedTokens({ key })
    const token = tokens.sign(claims)
    const characters = fc.constantFrom('a', 'b', 'Z', '0', '-', '_', '.', '=', '~')
    fc.assert(
      fc.property(fc.nat(token.length - 1), characters, (at, character) => {
        const changed = token.slice(0, at) + character + token.slice(at + 1)
        fc.pre(changed !== token)
        expect(tokens.read(changed)).toBeUndefined()
      }),
    )
    const none = fc.oneof(
      fc.string(),
      fc.string().map((text) => `stowage1.${text}`),
      fc.constant(`${token}.`),
    )
    fc.assert(
      fc.property(none, (text) => {
        expect(tokens.read(text)).toBeUndefined()
      }),
    )
  })
})
