import { Fault } from '../oci/fault.ts'
import { isLoopbackHost } from './endpoint.ts'
import { discard, type Answer, type Ask, type Transport } from './transport.ts'

const maxRedirects = 5
const redirects = new Set([301, 302, 303, 307, 308])

export interface FollowOptions extends Ask {
  readonly method?: 'GET' | 'HEAD' | undefined
  /** Whether a redirect may lead from https to http: only for bytes that are checked against a digest. */
  readonly mayDowngrade?: boolean | undefined
}

/**
 * Sends a request and follows up to five redirects. Every other header is kept, `Authorization` only as long as scheme,
 * host and port stay those of the first request.
 * @throws Fault unavailable | invalid
 */
export async function followRedirects(transport: Transport, url: URL, options: FollowOptions = {}): Promise<Answer> {
  let answer = await transport.send(url, options)
  let ask: Ask = options
  for (let count = 1; redirects.has(answer.status); count += 1) {
    if (count > maxRedirects) throw await refuse(answer, `it redirects more than ${maxRedirects} times`)
    const target = await targetOf(answer, options)
    if (target.origin !== url.origin) ask = withoutAuthorization(ask)
    await discard(answer)
    answer = await transport.send(target, ask)
  }
  return answer
}

async function targetOf(answer: Answer, { mayDowngrade = false }: FollowOptions): Promise<URL> {
  const location = answer.headers['location']
  const target = typeof location === 'string' ? URL.parse(location, answer.url.href) : null
  if (!target || !/^https?:$/.test(target.protocol)) throw await refuse(answer, 'it redirects to no address')
  const downgrades = answer.url.protocol === 'https:' && target.protocol === 'http:'
  if (downgrades && !mayDowngrade && !isLoopbackHost(target.hostname)) {
    throw await refuse(answer, `it redirects from https to plain http (${target.host})`)
  }
  // A name and password in a URL are nobody's but its author's; undici would not send them.
  target.username = ''
  target.password = ''
  return target
}

function withoutAuthorization(ask: Ask): Ask {
  const { authorization: _, ...headers } = ask.headers ?? {}
  return { ...ask, headers }
}

async function refuse(answer: Answer, why: string): Promise<Fault> {
  await discard(answer)
  return new Fault('unavailable', `${answer.url.host}: ${why}`, { details: { status: answer.status } })
}
