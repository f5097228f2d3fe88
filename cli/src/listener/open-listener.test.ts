import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Principal } from '@stowage/mirror/server/authorize'
import { parseNetwork } from '@stowage/mirror/server/networks'
import { openListener } from './open-listener.ts'
import type { ListenerFlags } from './listener-options.ts'

const plain: ListenerFlags = { listen: { host: '127.0.0.1', port: 0 }, challenge: 'bearer' }
const outside: ListenerFlags = { ...plain, listen: { host: '0.0.0.0', port: 0 } }
const hash = `$2y$10$${'a'.repeat(53)}`
const anonymous: Principal = { kind: 'anonymous' }
const ann: Principal = { kind: 'user', name: 'ann' }

let directory: string
let lines: string[]
const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stowage-listener-'))
  lines = []
})
afterEach(() => rm(directory, { recursive: true }))

async function file(name: string, text: string): Promise<string> {
  await writeFile(join(directory, name), text)
  return join(directory, name)
}

describe('a listener', () => {
  it('is open without flags, and has no credentials to say', async () => {
    const { access, isOpen, certificate } = await openListener(outside, log)
    expect([isOpen, certificate, lines]).toEqual([true, undefined, []])
    expect(await access.authorize(anonymous, { action: 'push', repository: 'a' })).toEqual({ allowed: true })
  })

  it('is for users with passwords or tokens, who may do everything', async () => {
    const htpasswdFile = await file('users', `ann:${hash}\n`)
    const { access, isOpen } = await openListener({ ...plain, htpasswdFile }, log)
    expect(isOpen).toBe(false)
    expect(await access.authorize(ann, { action: 'push', repository: 'a' })).toEqual({ allowed: true })
    expect(await access.authorize(anonymous, { action: 'pull', repository: 'a' })).toEqual({ allowed: false })
  })

  it('can be for everybody to pull from, and for nobody to push to', async () => {
    const { access, isOpen } = await openListener({ ...plain, anonymousPull: true }, log)
    expect(isOpen).toBe(false)
    expect(await access.authorize(anonymous, { action: 'connect' })).toEqual({ allowed: true })
    expect(await access.authorize(anonymous, { action: 'pull', repository: 'a' })).toEqual({ allowed: true })
    expect(await access.authorize(anonymous, { action: 'push', repository: 'a' })).toEqual({ allowed: false })
  })

  it('lets a network have as many connections as it likes without believing what it says of others', async () => {
    const flags = { ...plain, maxConnectionsPerAddress: 1, unlimitedNetwork: [parseNetwork('10.1.0.0/16')] }
    const { limits, access } = await openListener(flags, log)
    expect(['10.1.2.3', '10.2.0.1'].map((address) => limits?.isProxy?.(address))).toEqual([true, false])
    expect(access.addressOf).toBeUndefined()
    const trustedProxy = [parseNetwork('10.2.0.1')]
    const behind = await openListener({ ...flags, trustedProxy }, log)
    expect(['10.1.2.3', '10.2.0.1'].map((address) => behind.limits?.isProxy?.(address))).toEqual([true, true])
    const asked = (remoteAddress: string) => ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': '8.8.8.8' } })
    expect(behind.access.addressOf?.(asked('10.1.2.3') as never)).toBe('10.1.2.3')
    expect(behind.access.addressOf?.(asked('10.2.0.1') as never)).toBe('8.8.8.8')
  })

  it('follows its rules, and keeps them when they are broken', async () => {
    const rules = (who: string): string => `rules: [{ repositories: ['**'], who: ${who}, may: [pull] }]`
    const accessFile = await file('rules.yaml', rules('anyone'))
    const { access, loops } = await openListener({ ...plain, accessFile }, log)
    const isPublic = async () => (await access.authorize(anonymous, { action: 'pull', repository: 'a' })).allowed
    const stop = new AbortController()
    const following = loops({} as never).map((loop) => loop(stop.signal))
    expect(await isPublic()).toBe(true)
    await file('rules.yaml', 'rules: [{ repositories: [a], who: anyone, may: [look] }]')
    await expect.poll(() => lines.join('')).toMatch(/rules\.yaml: rules\[0\]\.may\[0\]: .*stays in force/)
    expect(await isPublic()).toBe(true)
    await file('rules.yaml', rules('users'))
    await expect.poll(isPublic).toBe(false)
    stop.abort()
    await Promise.all(following)
  })

  it('warns that passwords can be read on the way', async () => {
    const tokenFile = await file('tokens', `robot:${'x'.repeat(24)}\n`)
    await openListener({ ...outside, tokenFile }, log)
    expect(lines.join('')).toContain('clear text')
  })

  it.each<[string, Partial<ListenerFlags>, Record<string, string>, RegExp]>([
    ['half a certificate', { tlsCertFile: 'c' }, {}, /^--tls-cert-file and --tls-key-file belong together/],
    ['no certificate', { tlsCertFile: 'c', tlsKeyFile: 'k' }, { c: 'x', k: 'secret' }, /c and \S+k: .* is not PEM$/],
    [
      'a file that is not there',
      { htpasswdFile: 'users' },
      {},
      /^--htpasswd-file: \S*users cannot be read \(ENOENT\)$/,
    ],
    ['passwords of another kind', { htpasswdFile: 'u' }, { u: 'ann:secret' }, /u: line 1: the hash of "ann" is not of/],
    [
      'short tokens',
      { tokenFile: 't' },
      { t: 'ann:secret' },
      /t: line 1: it is not NAME:TOKEN with a token of at least/,
    ],
    ['a wrong rule', { accessFile: 'r' }, { r: 'rules: [{}]' }, /r: rules\[0\]\.repositories: /],
    ['two places for one rule', { accessFile: 'r', anonymousPull: true }, { r: 'rules: []' }, /^--anonymous-pull and/],
    [
      'a short key',
      { tokenFile: 't', tokenKeyFile: 'k' },
      { t: `a:${'x'.repeat(24)}`, k: 'secret' },
      /^--token-key-file/,
    ],
  ])('refuses %s, without telling a secret', async (_, flags, files, message) => {
    for (const [name, text] of Object.entries(files)) await file(name, text)
    const inDirectory = Object.entries(flags).map(([name, value]) => [
      name,
      typeof value === 'string' ? join(directory, value) : value,
    ])
    const opened = openListener({ ...plain, ...(Object.fromEntries(inDirectory) as Partial<ListenerFlags>) }, log)
    await expect(opened).rejects.toMatchObject({
      code: expect.stringMatching(/invalid|not-found/) as string,
      message: expect.stringMatching(message) as string,
    })
    await expect(opened).rejects.not.toThrow(/secret/)
  })
})
