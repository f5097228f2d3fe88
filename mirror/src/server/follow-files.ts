import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Logger } from 'pino'
import { Fault } from '../oci/fault.ts'

export interface FollowFilesOptions<Value> {
  readonly files: readonly string[]
  /** Makes something of their texts. @throws Fault invalid */
  readonly parse: (texts: readonly string[]) => Value
  readonly onValue: (value: Value) => void
  /** What they are, for the log: `certificate`. */
  readonly what: string
  readonly log: Logger
  /** Between two looks. */
  readonly everyMs?: number | undefined
}

/**
 * Reads files that somebody else writes.
 * @throws Fault invalid if they cannot be read, or are not what they should be
 */
export async function readFiles<Value>({
  files,
  parse,
}: Pick<FollowFilesOptions<Value>, 'files' | 'parse'>): Promise<Value> {
  return parsed(await Promise.all(files.map(readOne)), { files, parse })
}

/**
 * Tells what is in the files, and each new version, until `signal` aborts; what cannot be used is said once, and what was
 * there before stays. They are looked at again and again, because a mounted Secret changes by a link above them, which no
 * watch of a file sees.
 */
export async function followFiles<Value>(
  { files, parse, onValue, what, log, everyMs = 2000 }: FollowFilesOptions<Value>,
  signal: AbortSignal,
): Promise<void> {
  let [known, said]: (string | undefined)[] = []
  while (!signal.aborted) {
    try {
      const texts = await Promise.all(files.map(readOne))
      const text = JSON.stringify(texts)
      if (text !== known) onValue(parsed(texts, { files, parse }))
      if (text !== known) log.info({ file: files[0] }, `${what} read`)
      ;[known, said] = [text, undefined]
    } catch (err) {
      if (!(err instanceof Fault)) throw err
      if (err.message !== said) log.warn({ err }, `${what} not read; what was there before stays in force`)
      said = err.message
    }
    await delay(everyMs, undefined, { signal }).catch(() => undefined)
  }
}

function parsed<Value>(
  texts: readonly string[],
  { files, parse }: Pick<FollowFilesOptions<Value>, 'files' | 'parse'>,
): Value {
  try {
    return parse(texts)
  } catch (cause) {
    if (!(cause instanceof Fault) || files.length === 0) throw cause
    throw new Fault(cause.code, `${files.join(' and ')}: ${cause.message}`, { cause })
  }
}

async function readOne(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new Fault('invalid', `${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
}
