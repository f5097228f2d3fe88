import type { Logger } from 'pino'
import type { FetchOptions } from '../content.ts'
import { Fault } from '../oci/fault.ts'
import { createAuthorizer, type Authorizer } from './authorizer.ts'
import { apiUrl, connect } from './connect.ts'
import type { CredentialSource } from './credential.ts'
import { endpointsOf } from './endpoint.ts'
import { followRedirects } from './follow-redirects.ts'
import { createInsideGuard } from './inside-guard.ts'
import { ledUpload } from './led-upload.ts'
import { createLogin } from './login.ts'
import { createTokenCache } from './token-cache.ts'
import { openTransport, type Answer, type Ask, type TransportOptions } from './transport.ts'

export interface RegistryConnectionOptions extends Omit<TransportOptions, 'guard'> {
  /** The host of a registry as references write it (`docker.io`, `127.0.0.1:5000`), or the base URL of a centre. */
  readonly registry: string
  /** Without it everything is asked for anonymously. */
  readonly credentials?: CredentialSource | undefined
  readonly log?: Logger | undefined
  /** Whether it may not be led to machines inside, by redirects and challenges, unless it is inside itself. */
  readonly staysOutside?: boolean | undefined
  /** Asks a mirror for what it has itself, and not for what it would fetch for us (RFC 9111, 5.2.1.7). */
  readonly isOnlyIfHere?: boolean | undefined
  /** Told the headers of every answer, such as what is left of a budget. */
  readonly onHeaders?: ((headers: Answer['headers']) => void) | undefined
}

/** One request to a registry. */
export interface RegistryRequest extends FetchOptions {
  /** Whose rights are needed; `''` for what concerns no repository in particular. */
  readonly repository: string
  /** Behind `/v2/`, with its query; or the URL that the registry said itself, of an upload. */
  readonly path: string | URL
  /** For messages. */
  readonly what: string
  readonly method?: Ask['method']
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Ask['body'] | (() => AsyncIterable<Uint8Array>)
  /** Whether a redirect may lead to plain HTTP; see `followRedirects`. */
  readonly mayDowngrade?: boolean
  /** What is to be allowed besides pulling, where the registry does not say it itself. */
  readonly isPush?: boolean
}

/** The way to one registry: where it is, and who asks. */
export interface RegistryConnection extends AsyncDisposable {
  /** Its host, for messages. */
  readonly name: string
  /**
   * Sends one request and gives its answer, of whatever status but 401 and 403. Those that read are redirected where the registry
   * says.
   * @throws Fault denied | unavailable | invalid
   */
  send(request: RegistryRequest): Promise<Answer>
  /** Whether an answer came from the registry, and not from a storage that it led to. */
  isOwn(answer: Pick<Answer, 'url'>): boolean
  /** The source of credentials has other ones by now: it is asked again, also where those of before would still do. */
  forgetCredentials(): void
}

/**
 * Opens the way to a registry. It tries everything once: who calls it decides about trying again. Nothing is connected before
 * the first request.
 * @throws Fault invalid if the host or the certificates are not such
 */
export function openRegistryConnection(options: RegistryConnectionOptions): RegistryConnection {
  const { registry, credentials = async () => [], log } = options
  const name = registry.replace(/^https?:\/\//i, '').replace(/\/$/, '')
  const endpoints = endpointsOf(registry, options.insecureRegistries, options.ca)
  const guard = options.staysOutside ? createInsideGuard(endpoints) : undefined
  const transport = openTransport({ ...options, guard })
  const tokens = createTokenCache({ transport })
  let connection: { readonly endpoint: URL; readonly authorizer: Authorizer } | undefined

  async function connected(signal: AbortSignal | undefined) {
    const endpoint = connection?.endpoint ?? (await connect(transport, endpoints, signal))
    connection ??= {
      endpoint,
      authorizer: createAuthorizer({ registry: name, endpoint, credentials, login: createLogin({ endpoint, tokens }) }),
    }
    return connection
  }

  async function ask(url: URL, request: RegistryRequest, authorization: string | undefined): Promise<Answer> {
    const { method = 'GET', signal, mayDowngrade } = request
    const headers = {
      ...request.headers,
      ...(options.isOnlyIfHere && { 'cache-control': 'only-if-cached' }),
      ...(authorization !== undefined && { authorization }),
    }
    if (method === 'GET' || method === 'HEAD') {
      return await followRedirects(transport, url, { method, headers, signal, mayDowngrade })
    }
    const body = typeof request.body === 'function' ? request.body() : request.body
    return await transport.send(url, { method, headers, body, signal })
  }

  return {
    name,
    isOwn: ({ url }) => url.origin === connection?.endpoint.origin,
    forgetCredentials: () => connection?.authorizer.forget(),

    async send(request) {
      const { repository, path, what, method, signal, isPush } = request
      const { endpoint, authorizer } = await connected(signal)
      const insecureRegistries = options.insecureRegistries ?? []
      const url = path instanceof URL ? ledUpload(path, { endpoint, insecureRegistries }) : apiUrl(endpoint, path)
      const attempt = async (authorization: string | undefined): Promise<Answer> => {
        const startedAt = performance.now()
        const answer = await ask(url, request, authorization)
        const durationMs = Math.round(performance.now() - startedAt)
        options.onHeaders?.(answer.headers)
        log?.debug({ registry: name, repository, method, what, status: answer.status, durationMs }, 'registry answered')
        return answer
      }
      // An upload may be led to another host, which is not told who asks.
      if (url.origin !== endpoint.origin) return await attempt(undefined)
      return await authorizer.send({ repository, what, attempt, signal, isPush })
    },

    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  }
}

/** A body that can be sent once: who is asked for it again has to begin anew where the registry stopped. */
export function sentOnce(bytes: AsyncIterable<Uint8Array>, what: string): () => AsyncIterable<Uint8Array> {
  let isSent = false
  return () => {
    if (isSent) throw new Fault('unavailable', `${what}: the registry asked for credentials while the bytes were sent`)
    isSent = true
    return bytes
  }
}
