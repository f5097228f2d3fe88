import { Fault, isFault } from '@stowage/mirror/oci/fault'
import { discard, openTransport, readCapped, type Answer } from '@stowage/mirror/registry/transport'
import { z } from 'zod'
import type { NetworkSettings } from './network-settings.ts'
import { option, parsedBy } from './option.ts'

/** The largest answer that is read, in bytes: a hundred thousand nodes with a few images each. */
const longestAnswer = 256 * 1024 * 1024

/** The operator's side of a centre, `/api/v1`. */
export interface CentreClient extends AsyncDisposable {
  get<Schema extends z.ZodType>(path: string, schema: Schema, signal?: AbortSignal): Promise<z.infer<Schema>>
  post<Schema extends z.ZodType>(
    path: string,
    body: unknown,
    schema: Schema,
    signal?: AbortSignal,
  ): Promise<z.infer<Schema>>
}

/** `--central`, for all that speak to a centre. */
export function centralOption(): ReturnType<typeof option> {
  return option('--central <url>', 'the centre').argParser(parsedBy(parseCentral)).default('http://127.0.0.1:5080')
}

/** @throws Fault invalid */
function parseCentral(text: string): string {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.search && !url.hash)
    return url.href.replace(/\/$/, '')
  throw new Fault(
    'invalid',
    `"${text.replace(/\/\/[^/]*@/, '//')}" is not the address of a centre; write http://HOST:PORT`,
  )
}

/** Opens a client; nothing is connected before the first request. */
export function openCentreClient(central: string, settings: NetworkSettings): CentreClient {
  const transport = openTransport(settings)

  async function ask<Schema extends z.ZodType>(
    path: string,
    schema: Schema,
    { signal, body }: { signal?: AbortSignal | undefined; body?: unknown },
  ): Promise<z.infer<Schema>> {
    const url = new URL(`${central}${path}`)
    const sent =
      body === undefined
        ? {}
        : { method: 'POST' as const, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    try {
      const answer = await transport.send(url, { ...sent, signal })
      if (answer.status !== 200) throw await refusal(answer)
      return schema.parse(JSON.parse(Buffer.from(await readCapped(answer, longestAnswer)).toString()))
    } catch (cause) {
      if (isFault(cause, 'unavailable') && !('saidByCentre' in cause.details)) {
        throw new Fault(
          'unavailable',
          `the centre does not answer: ${cause.message}; is "stowage up" running there? (--central)`,
          { cause },
        )
      }
      if (cause instanceof z.ZodError || cause instanceof SyntaxError) {
        throw new Fault(
          'invalid',
          `${central} answers, but not as a centre of this version of Stowage does; check --central`,
          { cause },
        )
      }
      throw cause
    }
  }

  return {
    get: (path, schema, signal) => ask(path, schema, { signal }),
    post: (path, body, schema, signal) => ask(path, schema, { signal, body }),
    [Symbol.asyncDispose]: () => transport[Symbol.asyncDispose](),
  }
}

const refusalSchema = z.object({ error: z.object({ message: z.string() }) })

async function refusal(answer: Answer): Promise<Fault> {
  const code = answer.status === 404 ? 'not-found' : answer.status >= 500 ? 'unavailable' : 'invalid'
  if (!String(answer.headers['content-type']).startsWith('application/json')) {
    await discard(answer)
    const { host } = answer.url
    // A proxy in front of the centre says so while the centre is away.
    if (code === 'unavailable') return new Fault(code, `${host} answers with status ${answer.status}`)
    return new Fault(
      'invalid',
      `${host} answers with status ${answer.status}, but not as a centre does; check --central`,
    )
  }
  const text = Buffer.from(await readCapped(answer, 64 * 1024)).toString()
  const details = { status: answer.status, saidByCentre: true }
  return new Fault(code, refusalSchema.parse(JSON.parse(text)).error.message, { details })
}
