import * as z from 'zod'
import { Fault, type FaultCode } from '../oci/fault.ts'
import { discard, readCapped, type Answer } from './transport.ts'

const maxErrorBody = 64 * 1024
const maxDetail = 300
const maxRetryAfterMs = 24 * 60 * 60 * 1000

/** distribution-spec, "Error Codes"; token servers of OAuth2 say `error_description`, some registries `details` or `message`. */
const errorsSchema = z.object({
  errors: z.array(z.object({ code: z.string().optional(), message: z.string().optional() })).optional(),
  error_description: z.string().optional(),
  details: z.string().optional(),
  message: z.string().optional(),
})

/** What to do about a status that is no success (RFC 9110, 15; RFC 6585). */
export function codeOfStatus(status: number): FaultCode {
  if (status === 401 || status === 403) return 'denied'
  if (status === 404 || status === 410) return 'not-found'
  if (status === 408 || status === 421 || status === 425 || status === 429 || status >= 500) return 'unavailable'
  if (status === 416) return 'corrupt'
  return 'invalid'
}

/**
 * Makes a fault of an answer that is no success, with what its body says (at most 64 KiB of it are read); ends the body.
 * `what` names the thing that was asked for.
 */
export async function responseFault(answer: Answer, what: string, code = codeOfStatus(answer.status)): Promise<Fault> {
  const said = await readErrors(answer)
  const retryAfterMs = retryAfterOf(answer.headers)
  const who = what.startsWith(answer.url.host) ? '' : `${answer.url.host}: `
  return new Fault(code, `${what}: ${who}${describeStatus(answer.status)}${said ? `: ${said}` : ''}`, {
    details: { status: answer.status, host: answer.url.host },
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  })
}

/** How long an answer asks to wait, in milliseconds. A date is read against the server's own clock if it tells the time. */
export function retryAfterOf(headers: Answer['headers'], now: number = Date.now()): number | undefined {
  const text = headers['retry-after']
  if (typeof text !== 'string') return undefined
  if (/^\s*\d+\s*$/.test(text)) return Math.min(Number(text) * 1000, maxRetryAfterMs)
  const until = Date.parse(text)
  if (Number.isNaN(until)) return undefined
  const date = headers['date']
  const serverNow = typeof date === 'string' ? Date.parse(date) : Number.NaN
  return Math.min(Math.max(0, until - (Number.isNaN(serverNow) ? now : serverNow)), maxRetryAfterMs)
}

const statusWords: Readonly<Record<number, string>> = {
  401: 'not authorised',
  403: 'forbidden',
  404: 'not found',
  429: 'too many requests',
  500: 'internal error',
  502: 'bad gateway',
  503: 'not available for now',
  504: 'gateway timed out',
}

function describeStatus(status: number): string {
  const words = statusWords[status]
  return words === undefined ? `status ${status}` : `${words} (${status})`
}

async function readErrors(answer: Answer): Promise<string | undefined> {
  try {
    const body = await readCapped(answer, maxErrorBody)
    return printable(describeBody(new TextDecoder().decode(body)))
  } catch {
    // The status is the news; a body that is cut, too long or no JSON only loses the remark on it.
    return undefined
  }
}

function describeBody(text: string): string {
  const body = errorsSchema.parse(JSON.parse(text))
  const errors = (body.errors ?? []).map(({ code, message }) => [code, message].filter(Boolean).join(': '))
  return [...errors, body.error_description, body.details, body.message].filter(Boolean).join('; ')
}

/** Somebody else's text goes into logs and status: one line, no control characters, not long. */
function printable(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length > maxDetail ? `${line.slice(0, maxDetail)}…` : line
}

/** The media type of an answer without its parameters. */
export function contentTypeOf({ headers }: Pick<Answer, 'headers'>): string | undefined {
  const type = headers['content-type']
  return typeof type === 'string' ? type.split(';')[0]?.trim().toLowerCase() : undefined
}

/** Success, but from somebody else: a log-in page of a hotel's network, a gateway's notice. */
export function webPageFault(what: string): Fault {
  return new Fault('unavailable', `${what}: a web page came instead; is there a log-in page or a proxy in between?`)
}

/** Ends an answer that leads to a fault. */
export async function discarded(answer: Answer, fault: Fault): Promise<Fault> {
  await discard(answer)
  return fault
}
