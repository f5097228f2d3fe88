import * as z from 'zod'
import { Fault } from '../oci/fault.ts'
import { describeCredential, type Credential } from './credential.ts'
import { followRedirects } from './follow-redirects.ts'
import { responseFault } from './response-fault.ts'
import { readCapped, type Answer, type Transport } from './transport.ts'

const maxTokenAnswer = 256 * 1024
const clientId = 'stowage'

/** What a registry asks for in its Bearer challenge (distribution, spec/auth/token.md). */
export interface TokenRequest {
  readonly realm: URL
  readonly service?: string | undefined
  /** One or several scopes with spaces between them. */
  readonly scope?: string | undefined
  readonly credential?: Credential | undefined
}

export interface Token {
  /** Goes behind `Bearer `. */
  readonly value: string
  readonly lifetimeMs: number
}

const answerSchema = z.object({
  token: z.string().optional(),
  access_token: z.string().optional(),
  expires_in: z.coerce.number().min(0).catch(60).default(60),
})

/**
 * Fetches a token: by GET, with the password as Basic if there is one (spec/auth/token.md), or by POST with an identity
 * token (spec/auth/oauth.md).
 * @throws Fault denied (it says who was refused) | unavailable
 */
export async function fetchToken(transport: Transport, request: TokenRequest): Promise<Token> {
  const answer = request.credential?.identityToken
    ? await transport.send(request.realm, oauthForm(request, request.credential.identityToken))
    : await followRedirects(transport, urlOf(request), { headers: basicOf(request.credential) })
  if (answer.status !== 200) throw await tokenFault(answer, request)
  return await readToken(answer)
}

function urlOf({ realm, service, scope }: TokenRequest): URL {
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.set('service', service)
  for (const one of scope?.split(' ') ?? []) url.searchParams.append('scope', one)
  return url
}

/** The value of an `Authorization` field for a user with a password (RFC 7617, in UTF-8). */
export function basicAuthorization({ username, password }: Credential): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

function basicOf(credential: Credential | undefined): Record<string, string> {
  return credential ? { authorization: basicAuthorization(credential) } : {}
}

function oauthForm({ service, scope }: TokenRequest, identityToken: string) {
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: identityToken, client_id: clientId })
  if (service !== undefined) form.set('service', service)
  if (scope !== undefined) form.set('scope', scope)
  return {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  } as const
}

/** OAuth2 servers refuse an identity token with 400 (RFC 6749, 5.2). */
async function tokenFault(answer: Answer, { credential }: TokenRequest): Promise<Fault> {
  const isRefusal = answer.status === 401 || answer.status === 403 || (answer.status === 400 && credential)
  const what = isRefusal ? `no token for ${describeCredential(credential)}` : 'no token'
  return await responseFault(answer, what, isRefusal ? 'denied' : 'unavailable')
}

async function readToken(answer: Answer): Promise<Token> {
  const body = new TextDecoder().decode(await readCapped(answer, maxTokenAnswer))
  const { token, access_token, expires_in } = parseAnswer(body, answer.url)
  const value = token || access_token
  // Anything else would not be a header field; whoever sends it is no token server.
  if (!value || !/^[\x21-\x7E]+$/.test(value)) throw noToken(answer.url)
  return { value, lifetimeMs: expires_in * 1000 }
}

function parseAnswer(body: string, url: URL): z.infer<typeof answerSchema> {
  try {
    return answerSchema.parse(JSON.parse(body))
  } catch {
    // Not kept as the cause: its message may quote the token.
    throw noToken(url)
  }
}

function noToken(url: URL): Fault {
  return new Fault('unavailable', `${url.host} was asked for a token and answered with something else`)
}
