import * as z from 'zod'
import { parseAssignment, type Assignment } from '@stowage/mirror/edge/assignment'
import { edgePaths } from '@stowage/mirror/edge/paths'
import type { Report } from '@stowage/mirror/edge/report'
import { Fault, type FaultCode } from '@stowage/mirror/oci/fault'
import { discard, readCapped, type Answer, type Ask, type Transport } from '@stowage/mirror/registry/transport'
import type { Centre, Receipt } from './centre.ts'

export interface CentreClientOptions {
  /** Base URL of the centre. */
  readonly central: string
  /** Its time-out for the head of an answer must be longer than the centre holds a long poll (`longestHoldMs`). */
  readonly transport: Transport
  /** How long a report may take, in milliseconds. */
  readonly reportTimeoutMs?: number
  /** After how long, in milliseconds, a kept connection may be dead at the earliest. */
  readonly doubtAfterMs?: number
}

const largestAnswer = 4 * 1024 * 1024
const answerTimeoutMs = 15_000
/** An answer that takes so many times as long as the last one is not on its way any more. */
const doubtFactor = 4

/**
 * Speaks to a centre over HTTP. Its transport is closed by whoever opened it.
 * @throws Fault invalid if `central` is not an http or https URL
 */
export function createCentreClient(options: CentreClientOptions): Centre {
  const { central, transport, reportTimeoutMs = 20_000, doubtAfterMs = 5000 } = options
  const base = baseOf(central)
  let lastReportMs: number | undefined

  /** Asks and reads the answer within one deadline. */
  async function exchange<Result>(
    path: string,
    { timeoutMs, signal, ...ask }: Question,
    read: Read<Result>,
  ): Promise<Result> {
    const deadline = AbortSignal.timeout(timeoutMs)
    const either = AbortSignal.any([signal, deadline])
    try {
      return await read(await transport.send(new URL(path.slice(1), base), { ...ask, signal: either }), either)
    } catch (cause) {
      if (signal.aborted || !deadline.aborted) throw cause
      throw new Fault('unavailable', `${base.host}: no answer within ${timeoutMs / 1000} s`, { cause })
    }
  }

  async function putReport(report: Report, timeoutMs: number, signal: AbortSignal): Promise<Receipt> {
    const startedAt = performance.now()
    const headers = { 'content-type': 'application/json' }
    const ask = { method: 'PUT', headers, body: JSON.stringify(report), timeoutMs, signal } as const
    const receipt = await exchange(edgePaths.report(report.node), ask, readReceipt)
    lastReportMs = Math.ceil(performance.now() - startedAt)
    return receipt
  }

  return {
    async report(report, signal) {
      // After a failure there is no connection that was kept.
      const usualMs = lastReportMs ?? Infinity
      lastReportMs = undefined
      const doubtMs = Math.max(doubtAfterMs, doubtFactor * usualMs)
      if (doubtMs >= reportTimeoutMs) return putReport(report, reportTimeoutMs, signal)
      const startedAt = performance.now()
      try {
        return await putReport(report, doubtMs, signal)
      } catch (error) {
        if (signal.aborted || performance.now() - startedAt < doubtMs) throw error
        return await putReport(report, reportTimeoutMs, signal)
      }
    },

    nextAssignment({ node, known, holdMs }, signal) {
      const path = `${edgePaths.assignment(node)}?wait=${Math.floor(holdMs / 1000)}`
      const headers = { accept: 'application/json', ...(known === undefined ? {} : { 'if-none-match': `"${known}"` }) }
      return exchange(path, { headers, timeoutMs: holdMs + answerTimeoutMs, signal }, readAssignment)
    },
  }
}

interface Question extends Ask {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

type Read<Result> = (answer: Answer, signal: AbortSignal) => Promise<Result>

async function readReceipt(answer: Answer, signal: AbortSignal): Promise<Receipt> {
  if (answer.status !== 200) throw await refusalOf(answer, signal)
  const { assignment } = checked(receiptSchema, await readJson(answer, signal), answer)
  const date = Date.parse(String(answer.headers['date']))
  return { assignment: assignment ?? undefined, date: Number.isNaN(date) ? undefined : date }
}

async function readAssignment(answer: Answer, signal: AbortSignal): Promise<Assignment | 'same' | 'none'> {
  if (answer.status === 200) return parseAssignment(await readJson(answer, signal))
  if (answer.status !== 304 && answer.status !== 404) throw await refusalOf(answer, signal)
  await discard(answer)
  return answer.status === 304 ? 'same' : 'none'
}

const receiptSchema = z.object({ assignment: z.string().nullable() })
const refusalSchema = z.object({ error: z.object({ message: z.string().max(2000) }) })

function baseOf(central: string): URL {
  const base = URL.parse(central.endsWith('/') ? central : `${central}/`)
  if (base && /^https?:$/.test(base.protocol)) return base
  throw new Fault(
    'invalid',
    `"${central.slice(0, 200)}" is not the URL of a centre; write http://HOST:PORT or https://HOST`,
  )
}

async function readJson(answer: Answer, signal: AbortSignal): Promise<unknown> {
  const bytes = await readCapped(answer, largestAnswer, signal)
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch (cause) {
    throw new Fault('invalid', `${answer.url.host}: the answer is not JSON; is it a centre?`, { cause })
  }
}

function checked<Schema extends z.ZodType>(schema: Schema, json: unknown, { url }: Answer): z.infer<Schema> {
  const result = schema.safeParse(json)
  if (result.success) return result.data
  throw new Fault('invalid', `${url.host}: the answer is not a centre's (${result.error.issues[0]?.message})`)
}

async function refusalOf(answer: Answer, signal: AbortSignal): Promise<Fault> {
  const { status, url } = answer
  const said = refusalSchema.safeParse(await readJson(answer, signal).catch(() => undefined))
  const message = said.success ? said.data.error.message : `${url.host} answered ${status} to ${url.pathname}`
  const retryAfterMs = Number(answer.headers['retry-after']) * 1000
  return new Fault(codeOf(status), message, retryAfterMs > 0 ? { retryAfterMs } : {})
}

function codeOf(status: number): FaultCode {
  if (status === 401 || status === 403 || status === 407) return 'denied'
  if (status === 409) return 'conflict'
  return status >= 500 || status === 408 || status === 429 || status === 404 ? 'unavailable' : 'invalid'
}
