/**
 * What the one who meets a fault can do about it; one code per reaction.
 *
 * - `invalid`: a reference, spec, flag, bundle or data directory is wrong. Never retried; tell its author.
 * - `not-found`: nobody has such a manifest, blob or name. Looked for again slowly.
 * - `denied`: 401 or 403. Waits until credentials change.
 * - `unavailable`: link down, time-out, 5xx, 429. Normal weather at the edge: back off with jitter.
 * - `corrupt`: the bytes are not what was promised. Drop them and fetch again, from elsewhere if possible.
 * - `no-space`: a disk or a quota is full. Hold transfers until there is room.
 * - `conflict`: somebody else holds or changed it. Look again.
 */
export type FaultCode = (typeof faultCodes)[number]

/** All of them. */
export const faultCodes = ['invalid', 'not-found', 'denied', 'unavailable', 'corrupt', 'no-space', 'conflict'] as const

export interface FaultOptions extends ErrorOptions {
  /** How long the other side asked us to wait (Retry-After), in milliseconds. */
  readonly retryAfterMs?: number
  /** Facts for the log; never credentials or URL queries. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** An expected failure. A bug is a plain `Error` and stops the process. */
export class Fault extends Error {
  override readonly name = 'Fault'
  readonly code: FaultCode
  readonly retryAfterMs: number | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: FaultCode, message: string, options: FaultOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : {})
    this.code = code
    this.retryAfterMs = options.retryAfterMs
    this.details = options.details ?? {}
  }
}

/** Whether `error` is a fault, of the given code if one is given. */
export function isFault(error: unknown, code?: FaultCode): error is Fault {
  return error instanceof Fault && (code === undefined || error.code === code)
}
