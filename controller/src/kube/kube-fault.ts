import { Fault, isFault, type FaultCode } from '@stowage/mirror/oci/fault'
import * as z from 'zod'

const statusSchema = z.object({
  message: z.string().optional(),
  details: z.object({ retryAfterSeconds: z.number().optional() }).nullish(),
})

const codes: Readonly<Record<number, FaultCode>> = {
  401: 'denied',
  403: 'denied',
  404: 'not-found',
  409: 'conflict',
  410: 'conflict',
  429: 'unavailable',
}

/** What an API server answered instead of what it was asked for. `body` is a Status (meta/v1), or anything. */
export function kubeFault(asked: string, status: number, body: unknown): Fault {
  const said = statusSchema.safeParse(body).data
  const seconds = said?.details?.retryAfterSeconds
  const message = `${asked}: ${said?.message ?? `status ${status}`}`
  const code = codes[status] ?? (status >= 500 ? 'unavailable' : 'invalid')
  const wait = seconds === undefined ? {} : { retryAfterMs: seconds * 1000 }
  return new Fault(code, message, { ...wait, details: { status } })
}

/** Whether the version to go on from is too old: then everything is to be listed anew. */
export function isExpired(error: unknown): boolean {
  return isFault(error) && error.details['status'] === 410
}

/** What keeps a connection from being made or ends it. */
export function brokenConnection(asked: string, cause: unknown): Fault {
  const { code, message } = cause as NodeJS.ErrnoException
  return new Fault('unavailable', `${asked}: ${code ?? message}`, { cause })
}
