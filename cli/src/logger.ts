import { isFault } from '@stowage/mirror/oci/fault'
import { pino, type Logger } from 'pino'

export interface LogOptions {
  readonly level: string
  /** `json` for machines, `text` for people; `auto` is text on a terminal. */
  readonly format: 'auto' | 'json' | 'text'
}

/** The one logger of the process, on stdout. Whatever may hold a credential is left out by name, wherever it stands. */
export async function createLogger({ level, format }: LogOptions): Promise<Logger> {
  const secret = ['authorization', 'password', 'token', 'auth', 'identitytoken']
  const redact = { paths: secret.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '(left out)' }
  const options = {
    level,
    redact,
    serializers: { err: serialiseError },
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  const forPeople = format === 'text' || (format === 'auto' && process.stdout.isTTY)
  if (!forPeople) return pino(options)
  const { default: pretty } = await import('pino-pretty')
  const stream = pretty({ sync: true, colorize: process.stdout.isTTY, singleLine: true, translateTime: 'SYS:HH:MM:ss' })
  return pino(options, stream)
}

/** An expected failure is told by its code and words; where in the code it was met matters for bugs only. */
function serialiseError(error: unknown): unknown {
  if (isFault(error)) return { ...error.details, code: error.code, message: error.message }
  return error instanceof Error ? pino.stdSerializers.err(error) : error
}
