import bcrypt from 'bcrypt'
import * as fc from 'fast-check'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { parseChallenges } from '../../registry/challenge.ts'
import { parseAccessRules, simpleRules } from './access-rules.ts'
import {
  ask,
  askWithToken,
  basic,
  digest,
  guardedRegistry,
  robot,
  tokenFor,
  upload,
} from '../../testing/guarded-registry.ts'
import { createRateLimit } from './rate-limit.ts'
import { parseTokens } from './static-tokens.ts'

describe('a registry with access control', () => {
  it('asks at its door for a token, also when anybody may pull something', async () => {
    const answer = await ask(guardedRegistry(), { url: '/v2/', headers: { host: 'registry.example:5000' } })
    expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([
      401,
      'Bearer realm="http://registry.example:5000/auth/token",service="registry.example:5000"',
    ])
    expect((await ask(guardedRegistry(), { url: '/v2/', as: basic('ann') })).statusCode).toBe(200)
    expect((await ask(guardedRegistry(), { url: '/v2/', as: `Bearer ${robot}` })).statusCode).toBe(200)
    expect((await ask(guardedRegistry(), { url: '/v2/', as: basic('robot', robot) })).statusCode).toBe(200)
  })

  it('knows behind a proxy how it is reached, and repeats no nonsense', async () => {
    const realm = async (headers: Record<string, string>) =>
      parseChallenges(
        (await ask(guardedRegistry(), { url: '/v2/', headers })).headers['www-authenticate'],
      )[0]?.parameters.get('realm')
    expect(await realm({ host: 'r.example', 'x-forwarded-proto': 'https' })).toBe('https://r.example/auth/token')
    expect(await realm({ host: 'x"y' })).not.toContain('x"y')
  })

  it.each(['wrong', basic('ann', 'wrong'), basic('eve'), 'Basic !', 'Digest x'])('refuses %s', async (as) => {
    const answer = await ask(guardedRegistry(), { url: '/v2/public/x/tags/list', as })
    expect([answer.statusCode, answer.json()]).toMatchObject([401, { errors: [{ code: 'UNAUTHORIZED' }] }])
  })

  it('can ask for name and password instead', async () => {
    const answer = await ask(guardedRegistry({ challenge: 'basic' }), { url: '/v2/' })
    expect(answer.headers['www-authenticate']).toBe('Basic realm="stowage", charset="UTF-8"')
  })

  it('lets everybody do what the rules say, with a password, a token of theirs or a short one', async () => {
    const app = guardedRegistry()
    for (const how of [ask, askWithToken]) {
      expect((await how(app, upload('a/app', basic('ann')))).statusCode).toBe(201)
      expect((await how(app, { url: `/v2/a/app/blobs/${digest}`, as: basic('ann') })).body).toBe('a blob')
      expect((await how(app, { url: `/v2/a/app/blobs/${digest}`, as: `Bearer ${robot}` })).statusCode).toBe(200)
    }
    expect((await ask(app, { url: `/v2/a/app/blobs/${digest}`, as: basic('bob') })).statusCode).toBe(403)
    expect((await askWithToken(app, { url: `/v2/a/app/blobs/${digest}`, as: basic('bob') })).statusCode).toBe(403)
    expect((await ask(app, { url: `/v2/a/app/blobs/${digest}` })).statusCode).toBe(401)
  })

  it('lets the anonymous pull where anyone may, and tells them nothing else', async () => {
    const app = guardedRegistry()
    await ask(app, upload('public/app', basic('ann')))
    await ask(app, upload('a/app', basic('ann')))
    const pull = { url: `/v2/public/app/blobs/${digest}` }
    expect((await ask(app, pull)).body).toBe('a blob')
    // Some clients send an empty name and password when they have none.
    expect((await ask(app, { ...pull, as: basic('', '') })).body).toBe('a blob')
    const token = (await ask(app, { url: '/auth/token?scope=repository:public/app:pull,push' })).json<{
      token: string
    }>()
    expect((await ask(app, { ...pull, as: `Bearer ${token.token}` })).body).toBe('a blob')
    for (const [method, url] of [
      ['GET', `/v2/a/app/blobs/${digest}`],
      ['GET', `/v2/a/nothing/blobs/${digest}`],
      ['GET', '/v2/a/app/tags/list'],
      ['GET', `/v2/a/app/referrers/${digest}`],
      ['GET', '/v2/a/app/manifests/v1'],
      ['POST', '/v2/public/app/blobs/uploads/'],
      ['PUT', '/v2/public/app/manifests/v1'],
      ['DELETE', `/v2/public/app/blobs/${digest}`],
    ] as const) {
      expect([url, (await ask(app, { method, url })).statusCode]).toEqual([url, 401])
    }
    expect((await ask(app, { url: '/v2/_catalog' })).json()).toEqual({ repositories: ['public/app'] })
  })

  it('asks nobody for credentials where nobody has any', async () => {
    const app = guardedRegistry({ hasUsers: false, rules: () => simpleRules({ anonymousPull: true }) })
    expect((await ask(app, { url: '/v2/', as: basic('eve') })).statusCode).toBe(200)
    const push = await ask(app, { method: 'POST', url: '/v2/a/blobs/uploads/' })
    expect([push.statusCode, push.headers['www-authenticate']]).toEqual([403, undefined])
  })

  it('gives a token for no more than the rules allow, and asks anew for what it is not for', async () => {
    const app = guardedRegistry()
    await ask(app, upload('a/app', basic('ann')))
    const url = '/auth/token?scope=repository:a/app:pull&scope=repository:b/app:pull,push%20repository:a/x:*'
    const {
      token,
      access_token: same,
      expires_in: seconds,
    } = (await ask(app, { url, as: basic('ann') })).json<{
      token: string
      access_token: string
      expires_in: number
    }>()
    expect([same, seconds]).toEqual([token, 300])
    const as = `Bearer ${token}`
    expect((await ask(app, { url: `/v2/a/app/blobs/${digest}`, as })).statusCode).toBe(200)
    expect((await ask(app, upload('a/x', as))).statusCode).toBe(201)
    const narrow = await ask(app, upload('a/app', as))
    expect([narrow.statusCode, narrow.headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining('scope="repository:a/app:pull,push",error="insufficient_scope"'),
    ])
    expect((await ask(app, upload('b/app', as))).statusCode).toBe(403)
    expect((await ask(app, { url: '/auth/token', as })).statusCode).toBe(401)
  })

  it('asks for another token when this one is none or over', async () => {
    const answer = await ask(guardedRegistry(), { url: '/v2/public/app/tags/list', as: 'Bearer stowage1.x.y' })
    expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining('scope="repository:public/app:pull",error="invalid_token"'),
    ])
  })

  it('gives tokens for a form, too', async () => {
    const app = guardedRegistry()
    const post = async (form: Record<string, string>) =>
      ask(app, {
        method: 'POST',
        url: '/auth/token',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        payload: new URLSearchParams(form).toString(),
      })
    const login = { grant_type: 'password', username: 'ann', scope: 'repository:a/app:push' }
    const { access_token: token } = (await post({ ...login, password: "ann's" })).json<{ access_token: string }>()
    expect((await ask(app, upload('a/app', `Bearer ${token}`))).statusCode).toBe(201)
    expect((await post({ ...login, password: 'x' })).statusCode).toBe(401)
    expect((await post({ grant_type: 'refresh_token' })).statusCode).toBe(400)
    expect((await post({ ...login, password: 'x'.repeat(20_000) })).statusCode).toBe(413)
  })

  it('follows its rules and accounts while they change', async () => {
    const everything = "rules: [{ repositories: ['**'], who: users, may: [pull, push] }]"
    let rules = parseAccessRules(everything)
    let hashes = new Map([['ann', bcrypt.hashSync("ann's", 4)]])
    const accounts = () => ({ hashes, tokens: parseTokens('') })
    const app = guardedRegistry({ rules: () => rules, accounts })
    await ask(app, upload('a/app', basic('ann')))
    const url = `/v2/a/app/blobs/${digest}`
    const as = await tokenFor(app, 'repository:a/app:pull', basic('ann'))
    const status = async () => (await ask(app, { url, as })).statusCode
    expect(await status()).toBe(200)
    rules = parseAccessRules('rules: []')
    expect(await status()).toBe(403)
    rules = parseAccessRules(everything)
    hashes = new Map([['ann', bcrypt.hashSync('new', 4)]])
    expect(await status()).toBe(401)
  })

  it('lets nobody guess passwords quickly, while those who know theirs go on', async () => {
    const app = guardedRegistry()
    expect((await ask(app, { url: '/v2/', as: basic('ann') })).statusCode).toBe(200)
    const answers = []
    for (let n = 0; n < 40; n++) answers.push(await ask(app, { url: '/v2/', as: basic('bob', `guess ${n}`) }))
    const last = answers.at(-1)
    expect([last?.statusCode, Number(last?.headers['retry-after']) > 0]).toEqual([429, true])
    expect(last?.json()).toMatchObject({ errors: [{ code: 'TOOMANYREQUESTS' }] })
    expect((await ask(app, { url: '/v2/', as: basic('ann') })).statusCode).toBe(200)
  })

  it('checks no more guesses that come at once, and holds nobody up who begins with many requests', async () => {
    const app = guardedRegistry()
    const statuses = async (passwordOf: (n: number) => string) => {
      const asked = Array.from({ length: 60 }, (_, n) => ask(app, { url: '/v2/', as: basic('ann', passwordOf(n)) }))
      return (await Promise.all(asked)).map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)
    }
    expect(await statuses(() => "ann's")).toEqual(Array.from({ length: 60 }, () => 200))
    expect(await statuses((n) => `guess ${n}`)).toEqual(Array.from({ length: 60 }, (_, n) => (n < 20 ? 401 : 429)))
  })

  it('answers whatever stands in Authorization, and lets nobody in by it', async () => {
    const app = guardedRegistry()
    const base64 = fc.string({ maxLength: 40, unit: 'binary' }).map((text) => Buffer.from(text).toString('base64'))
    const value = fc.oneof(
      fc.string({ maxLength: 60 }),
      base64.map((text) => `Bearer ${text}`),
      base64.map((text) => `Bearer stowage1.${text}.${text}`),
      fc.constantFrom('Bearer', 'Bearer ', 'Basic', 'Basic  ', 'Basic Og', 'Basic :', 'bearer stowage1..'),
    )
    await fc.assert(
      fc.asyncProperty(value, async (text) => {
        const { statusCode } = await ask(app, { url: '/v2/a/x/tags/list', as: text })
        expect(statusCode).toBe(401)
      }),
    )
  })

  it('limits how often an address may ask, for content and for tokens', async () => {
    const limit = createRateLimit({ perSecond: 0.1, burst: 2, monotonicNow: () => 0 })
    const app = guardedRegistry({ limit })
    const statuses = []
    for (const url of ['/v2/', '/auth/token', '/v2/', '/auth/token']) statuses.push(await ask(app, { url }))
    expect(statuses.map(({ statusCode }) => statusCode)).toEqual([401, 200, 429, 429])
    expect(statuses.map(({ headers }) => headers['retry-after'])).toEqual([undefined, undefined, '10', '10'])
  })

  it('never writes a credential down', async () => {
    const lines: string[] = []
    const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
    const app = guardedRegistry({ log })
    const bodies = []
    for (const as of [basic('ann'), basic('ann', 'not mine'), `Bearer ${robot}`, `Bearer ${robot}x`]) {
      bodies.push((await ask(app, { url: '/v2/x/tags/list', as })).body)
      bodies.push((await ask(app, { url: '/auth/token?scope=repository:a:x', as })).statusCode)
    }
    const text = [...lines, ...bodies].join('\n')
    for (const secret of ["ann's", 'not mine', robot, basic('ann').slice(6)]) expect(text).not.toContain(secret)
  })
})
