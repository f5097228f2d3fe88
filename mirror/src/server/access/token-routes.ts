import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { jsonAnswer, type Answer } from '../answer.ts'
import type { Authorize, ContentAction, Grants, Principal } from '../authorize.ts'
import { clientAt, type AddressOf } from '../client-address.ts'
import { errorAnswer } from '../error-body.ts'
import { Refusal } from '../refusal.ts'
import { sendAnswer } from '../send-answer.ts'
import type { Credentials } from './credentials.ts'
import type { RateLimit } from './rate-limit.ts'
import { catalogScope, parseScope } from './scope.ts'
import type { SignedTokens } from './signed-tokens.ts'
import { tokenPath } from './www-authenticate.ts'

export interface TokenRoutesOptions {
  readonly credentials: Credentials
  readonly authorize: Authorize
  readonly signed: SignedTokens
  /** How often a client may ask; absent: as often as it likes. */
  readonly limit?: RateLimit | undefined
  readonly addressOf: AddressOf
  /** Epoch milliseconds. */
  readonly now?: () => number
}

const largestForm = 16 * 1024
const mostScopes = 100

/**
 * Gives tokens (distribution, "Token Authentication Specification" for GET, "Docker Registry v2 Bearer Token OAuth2" for POST)
 * that are good for what was asked for, as far as the rules allow it. A fastify plugin.
 */
export async function tokenRoutes(app: FastifyInstance, options: TokenRoutesOptions): Promise<void> {
  const { credentials, limit, addressOf } = options
  const type = 'application/x-www-form-urlencoded'
  app.addContentTypeParser(type, { parseAs: 'string', bodyLimit: largestForm }, (_request, body, done) =>
    done(null, new URLSearchParams(String(body))),
  )
  app.setErrorHandler((error, _request, reply) => sendAnswer(reply, errorAnswer(readable(error))))

  app.get(tokenPath, { exposeHeadRoute: false }, async (request, reply) => {
    limit?.take(clientAt(addressOf(request.raw)))
    const asked = new URLSearchParams(request.url.split('?', 2)[1] ?? '')
    const principal = await credentials.principal(request.raw)
    return send(reply, await answer(principal, asked.getAll('scope'), options))
  })

  app.post(tokenPath, async (request: FastifyRequest<{ Body: unknown }>, reply) => {
    limit?.take(clientAt(addressOf(request.raw)))
    const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams()
    if (form.get('grant_type') !== 'password') return send(reply, jsonAnswer(400, { error: 'unsupported_grant_type' }))
    const login = { name: form.get('username') ?? '', password: form.get('password') ?? '' }
    return send(reply, await answer(await credentials.login(login, request.raw), form.getAll('scope'), options))
  })
}

async function answer(
  principal: Principal | undefined,
  scopes: readonly string[],
  { credentials, authorize, signed, now = Date.now }: TokenRoutesOptions,
): Promise<Answer> {
  const name = principal?.kind === 'user' ? principal.name : undefined
  const mark = credentials.markOf(name)
  // A token for a token would never end.
  if (!principal || principal.grants || mark === undefined) {
    const headers = { 'www-authenticate': 'Basic realm="stowage", charset="UTF-8"' }
    throw new Refusal('UNAUTHORIZED', 'name or password is wrong', { headers })
  }
  const grants = await grantsFor(principal, scopes.flatMap((text) => text.split(' ')).slice(0, mostScopes), authorize)
  const token = signed.sign({ name, mark, grants })
  const lifetime = { expires_in: Math.floor(signed.lifetimeMs / 1000), issued_at: new Date(now()).toISOString() }
  return jsonAnswer(200, { token, access_token: token, ...lifetime }, { 'cache-control': 'no-store' })
}

async function grantsFor(principal: Principal, scopes: readonly string[], authorize: Authorize): Promise<Grants> {
  const repositories = new Map<string, Set<ContentAction>>()
  for (const { repository, actions } of scopes.flatMap((text) => parseScope(text) ?? [])) {
    const granted = repositories.get(repository) ?? new Set()
    for (const action of actions) {
      if ((await authorize(principal, { action, repository })).allowed) granted.add(action)
    }
    if (granted.size > 0) repositories.set(repository, granted)
  }
  const list = scopes.includes(catalogScope) && (await authorize(principal, { action: 'list' })).allowed
  return { repositories, list }
}

async function send(reply: FastifyReply, document: Answer): Promise<FastifyReply> {
  await sendAnswer(reply, document)
  return reply
}

/** What fastify says of a form that is too large or of another type is for clients; it would count as a bug of ours. */
function readable(error: unknown): unknown {
  const status = (error as { readonly statusCode?: unknown }).statusCode
  if (status !== 413 && status !== 415 && status !== 400) return error
  return new Refusal('UNSUPPORTED', 'the form cannot be read', { status })
}
