import { isFault } from '@stowage/mirror/oci/fault'
import { pino, type Logger } from 'pino'

export interface LogOptions {
  readonly level: string
  /** `json` for machines, `text` for people; `auto` is text on a terminal. */
  readonly format: 'auto' | 'json' | 'text'
  /** Commands that print a result leave stdout to it. */
  readonly to: 'stdout' | 'stderr'
}

/** The one logger of the process. Whatever may hold a credential is left out by name, wherever it stands. */
export async function createLogger({ level, format, to }: LogOptions): Promise<Logger> {
  const secret = ['authorization', 'password', 'token', 'auth', 'identitytoken']
  const redact = { paths: secret.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '(left out)' }
  const options = {
    level,
    redact,
    serializers: { err: serialiseError },
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
  }
  const { fd, isTTY } = process[to]
  const forPeople = format === 'text' || (format === 'auto' && isTTY)
  if (!forPeople) return pino(options, pino.destination({ dest: fd, sync: true }))
  const { default: pretty } = await import('pino-pretty')
  const appearance = { colorize: isTTY, singleLine: true, translateTime: 'SYS:HH:MM:ss' }
  return pino(options, pretty({ sync: true, destination: fd, ...appearance }))
}

/** An expected failure is told by its code and words; where in the code it was met matters for bugs only. */
function serialiseError(error: unknown): unknown {
  if (isFault(error)) return { ...error.details, code: error.code, message: error.message }
  return error instanceof Error ? pino.stdSerializers.err(error) : error
}
