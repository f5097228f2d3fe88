import { describe, expect, it } from 'vitest'
import { algorithmOf, createDigester, digestOf, hexOf, isDigest, parseDigest, verified } from './digest.ts'

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  return Buffer.concat(await Array.fromAsync(bytes)).toString()
}

describe('digests', () => {
  it('are known by algorithm and length', () => {
    const digest = digestOf('hello')
    expect(digest).toBe('sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824')
    expect(parseDigest(digest)).toBe(digest)
    expect(algorithmOf(digestOf('hello', 'sha512'))).toBe('sha512')
    expect(hexOf(digest)).toHaveLength(64)
  })

  it.each([
    '',
    'sha256:',
    'sha256:zz',
    `sha256:${'A'.repeat(64)}`,
    `sha512:${'a'.repeat(64)}`,
    `sha256:${'a'.repeat(64)}/..`,
  ])('refuses %j', (text) => {
    expect(isDigest(text)).toBe(false)
    expect(() => parseDigest(text)).toThrow(/digest/)
  })

  it('of pieces equals that of the whole', () => {
    const digester = createDigester('sha512')
    for (const piece of ['a', '', 'bc']) digester.update(Buffer.from(piece))
    expect(digester.digest()).toBe(digestOf('abc', 'sha512'))
  })
})

describe('verified', () => {
  const expected = { digest: digestOf('abc'), size: 3 }

  it('passes the promised bytes on', async () => {
    expect(await collect(verified(chunks('a', 'bc'), expected))).toBe('abc')
    expect(await collect(verified(chunks(), { digest: digestOf(''), size: 0 }))).toBe('')
  })

  it.each([
    ['too few', ['ab'], /only 2 of 3/],
    ['too many', ['abc', 'd'], /more than 3/],
    ['other', ['abd'], /have digest/],
  ])('ends with a fault when they are %s, before the last of them', async (_, pieces, message) => {
    const seen: string[] = []
    const read = async (): Promise<void> => {
      for await (const chunk of verified(chunks(...pieces), expected)) seen.push(Buffer.from(chunk).toString())
    }
    await expect(read()).rejects.toMatchObject({ code: 'corrupt', message: expect.stringMatching(message) })
    expect(seen.join('').length).toBeLessThan(pieces.join('').length)
  })
})
