import { createSecretKey, randomBytes } from 'node:crypto'
import bcrypt from 'bcrypt'
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify'
import type { Logger } from 'pino'
import { digestOf } from '../oci/digest.ts'
import { parseChallenges } from '../registry/challenge.ts'
import { createContentStore } from '../store/create-content-store.ts'
import { createMemoryStore } from '../store/memory-store.ts'
import { createMirrorServer } from '../server/mirror-server.ts'
import type { PullThrough } from '../server/pull-through.ts'
import { registryRoutes } from '../server/registry-routes.ts'
import { parseAccessRules } from '../server/access/access-rules.ts'
import { createAccess, type AccessOptions } from '../server/access/create-access.ts'
import { parseTokens } from '../server/access/static-tokens.ts'
import { silentLog } from './silent-log.ts'

/** Token of the user `robot`. */
export const robot = 'r'.repeat(32)
export const bytes = Buffer.from('a blob')
export const digest = digestOf(bytes)

const document = `
rules:
  - { repositories: [public/**], who: anyone, may: [pull] }
  - { repositories: [a/**], who: [ann, robot], may: [pull, push, delete] }
  - { repositories: [b/**], who: [bob], may: [pull, push, delete] }
  - { repositories: [public/**], who: [ann], may: [push] }
`
const rules = parseAccessRules(document)
const accounts = {
  hashes: new Map(['ann', 'bob'].map((name) => [name, bcrypt.hashSync(`${name}'s`, 4)])),
  tokens: parseTokens(`robot:${robot}`),
}

/** For tests: a registry whose users ann and bob have the passwords `ann's` and `bob's`. */
export function guardedRegistry({
  log = silentLog,
  pullThrough,
  ...options
}: Partial<AccessOptions> & {
  log?: Logger
  pullThrough?: Pick<PullThrough, 'answer' | 'isPrivate'>
} = {}): FastifyInstance {
  const access = createAccess({
    rules: () => rules,
    accounts: () => accounts,
    hasUsers: true,
    challenge: 'bearer',
    key: createSecretKey(randomBytes(32)),
    ...options,
  })
  const app = createMirrorServer()
  void app.register(access.routes)
  const store = createContentStore(createMemoryStore())
  void app.register(registryRoutes, { ...access, store, pullThrough: pullThrough as PullThrough | undefined, log })
  return app
}

export function basic(name: string, password = `${name}'s`): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`
}

export interface Asked extends InjectOptions {
  /** An `Authorization` value. */
  readonly as?: string
}

export async function ask(app: FastifyInstance, { as, ...options }: Asked): Promise<LightMyRequestResponse> {
  return app.inject({ ...options, headers: { ...options.headers, ...(as ? { authorization: as } : {}) } })
}

/** Does what a client does when it is challenged. */
export async function askWithToken(app: FastifyInstance, { as, ...options }: Asked): Promise<LightMyRequestResponse> {
  const first = await ask(app, options)
  return ask(app, { ...options, as: await tokenFor(app, scopeOf(first), as) })
}

/** The scope that a challenge names. */
export function scopeOf({ headers }: LightMyRequestResponse): string {
  return parseChallenges(headers['www-authenticate'])[0]?.parameters.get('scope') ?? ''
}

/** Gets a token, as an `Authorization` value. */
export async function tokenFor(app: FastifyInstance, scope: string, as?: string): Promise<string> {
  const url = `/auth/token?service=x&scope=${encodeURIComponent(scope)}`
  const { token } = (await ask(app, { url, ...(as ? { as } : {}) })).json<{ token: string }>()
  return `Bearer ${token}`
}

/** A request that pushes `bytes`. */
export function upload(repository: string, as: string): Asked {
  return { method: 'POST', url: `/v2/${repository}/blobs/uploads/?digest=${digest}`, payload: bytes, as }
}
