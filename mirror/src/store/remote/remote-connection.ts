import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { retry } from '../../copy/retry.ts'
import type { RetryPace } from '../../copy/plan-retry.ts'
import { Fault, isFault } from '../../oci/fault.ts'
import { codeOfStatus, retryAfterOf } from '../../registry/response-fault.ts'
import { discard, openTransport, readCapped, type Answer, type Timeouts } from '../../registry/transport.ts'
import { headers as names, objectsPath, quoted } from './wire.ts'

/**
 * A version of an object that says who may write: when its successor replaces it, nothing of the one before is written any
 * more, however long it was stopped between its decision and its request.
 */
export interface Fence {
  readonly key: string
  readonly etag: string
}

export interface RemoteConnectionOptions {
  /** Of the mirror. */
  readonly url: URL
  /** Asked before every request: tokens are exchanged now and then. */
  readonly token: () => Promise<string>
  /** Certificates in PEM that are trusted besides those of the system. */
  readonly ca?: string | undefined
  readonly userAgent?: string | undefined
  readonly timeouts?: Partial<Timeouts> | undefined
  /** What still has to be there for a write to be carried out. */
  readonly fence?: (() => Fence | undefined) | undefined
  /** How long a cut connection is got over without telling. */
  readonly pace?: RetryPace | undefined
  /** Whether a refusal is a fault `denied`, for who does not wait until it is mended; else it is `unavailable`, as all trouble. */
  readonly isRefusalFinal?: boolean | undefined
  /** Is told when the mirror is out of reach, and when it is back. */
  readonly log?: Logger | undefined
}

/** What is asked of a mirror. */
export interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below the path of all objects. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** From the request to the head of the answer, where that may take long, in milliseconds. */
  readonly headersMs?: number
}

/** All of what a mirror says to a request. */
export interface Reply extends Pick<Answer, 'status' | 'headers'> {
  readonly body: Uint8Array
  /** Whether the request was carried out once: not if its answer was lost, and the mirror died with the memory of it. */
  readonly isSure: boolean
}

/** Requests to one mirror; each gets over some cut connections by itself. */
export interface RemoteConnection extends AsyncDisposable {
  /**
   * Sends a request and reads all of its answer. One that writes is named, so that the mirror carries it out once.
   * @throws Fault unavailable: nothing is known of what became of it; denied (`isRefusalFinal`)
   */
  ask(request: Request): Promise<Reply>
  /** Sends a request that reads, and leaves the body of its answer to be read. @throws Fault unavailable | denied */
  open(request: Request): Promise<Answer>
  /** Aborted when it is disposed of. */
  readonly closed: AbortSignal
}

const defaultPace: RetryPace = { baseMs: 50, capMs: 2000, tries: 6 }

/** No answer that is read at once is longer: a page of a list, an object of moderate size. */
const largestAnswer = 64 * 1024 * 1024

/** Opens the way to a mirror; connections are made as they are needed. */
export function openRemoteConnection(options: RemoteConnectionOptions): RemoteConnection {
  const { url, token, pace = defaultPace } = options
  const transport = openTransport({ ca: options.ca, userAgent: options.userAgent, timeouts: options.timeouts })
  const closed = new AbortController()
  const base = url.href.replace(/\/$/, '') + objectsPath
  /** The life of the mirror as it was last heard of. */
  let boot: string | undefined
  let trouble: string | undefined

  async function send({ path, query, headers, ...ask }: Request, id?: string): Promise<Answer> {
    const answer = await transport.send(new URL(base + path + queryOf(query)), {
      ...ask,
      headers: {
        ...headers,
        authorization: `Bearer ${await token()}`,
        ...(id !== undefined && writingHeaders(id)),
      },
      signal: closed.signal,
      // Sent again without its name it would be told that somebody was faster: itself.
      mayRepeat: id === undefined,
    })
    const stranger = strangeness(answer, url.host)
    if (!stranger) return answer
    await discard(answer)
    throw stranger
  }

  function writingHeaders(id: string): Record<string, string> {
    const fence = options.fence?.()
    return { [names.request]: id, ...(fence && { [names.fence]: `${quoted(fence.etag)} ${fence.key}` }) }
  }

  async function patiently<T>(once: () => Promise<T>): Promise<T> {
    try {
      const outcome = await retry(once, { pace, signal: closed.signal })
      note(undefined)
      return outcome
    } catch (cause) {
      if (!isFault(cause, 'unavailable') && !isFault(cause, 'denied')) throw cause
      const { message, retryAfterMs } = cause
      const asked = retryAfterMs === undefined ? {} : { retryAfterMs }
      const code = options.isRefusalFinal === true ? cause.code : 'unavailable'
      const fault = new Fault(code, `mirror ${message}`, { cause, ...asked })
      note(fault)
      throw fault
    }
  }

  function note(fault: Fault | undefined): void {
    if (fault?.message === trouble || closed.signal.aborted) return
    trouble = fault?.message
    if (fault) options.log?.warn({ err: fault }, 'mirror out of reach: what needs it waits')
    else options.log?.info('mirror reached again')
  }

  return {
    async ask(request) {
      const id = isReading(request) ? undefined : randomUUID()
      const before = boot
      let tries = 0
      return await patiently(async () => {
        tries++
        const answer = await send(request, id)
        const body = await readCapped(answer, largestAnswer, closed.signal)
        boot = bootOf(answer)
        return { status: answer.status, headers: answer.headers, body, isSure: tries === 1 || boot === before }
      })
    },

    open: (request) => patiently(() => send(request)),
    closed: closed.signal,

    async [Symbol.asyncDispose]() {
      closed.abort(new Fault('unavailable', `mirror ${url.host}: the connection was closed`))
      await transport[Symbol.asyncDispose]()
    },
  }
}

function isReading({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD'
}

function bootOf({ headers }: Pick<Answer, 'headers'>): string | undefined {
  const boot = headers[names.boot]
  return typeof boot === 'string' ? boot : undefined
}

/**
 * What is wrong with whoever answers for the mirror: a gateway or a wrong address is not believed that there is nothing.
 * `denied` is what no other try mends within seconds.
 */
function strangeness(answer: Answer, host: string): Fault | undefined {
  const { status, headers } = answer
  const retryAfterMs = retryAfterOf(headers)
  if (bootOf(answer) !== undefined) {
    if (status !== 401) return undefined
    const wanted = 'one of its --objects-token-file, as one of its --operator-token-file does gc, scrub and fsck only'
    return new Fault('denied', `${host} refuses the token; it takes ${wanted}`)
  }
  if (codeOfStatus(status) === 'unavailable') {
    const asked = retryAfterMs === undefined ? {} : { retryAfterMs }
    return new Fault('unavailable', `${host}: something in between answered ${status}`, asked)
  }
  return new Fault('denied', `${host} does not serve its objects (${status}); does it run with --objects-token-file?`)
}

function queryOf(query: Request['query'] = {}): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) params.set(name, String(value))
  return params.size === 0 ? '' : `?${params.toString()}`
}
