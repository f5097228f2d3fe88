import { Fault, isFault } from '../oci/fault.ts'
import { codeOfStatus } from '../registry/response-fault.ts'
import { bodyOf, discard, openTransport, type Answer } from '../registry/transport.ts'
import type { Operation, OperationContext } from './operation.ts'
import { linesType, lineSchema, operationsPath, type OperationLine } from './wire.ts'

export interface AskMirrorOptions<Progress> extends OperationContext<Progress> {
  /** Of the mirror. */
  readonly url: URL
  readonly token: string
  /** Certificates in PEM that are trusted besides those of the system. */
  readonly ca?: string | undefined
  readonly userAgent?: string | undefined
}

/** No line is longer, in bytes. */
const longestLine = 256 * 1024 * 1024

/**
 * Has a mirror that runs carry an operation out. The signal ends it there, too.
 * @throws Fault as the operation does; denied (the token) | not-found (it does not know it) | unavailable: it is out of reach, or
 * went away meanwhile, and the work ended with that
 */
export async function askMirror<Options, Progress, Result>(
  operation: Operation<Options, Progress, Result>,
  options: Options,
  { url, token, signal, onProgress, ...network }: AskMirrorOptions<Progress>,
): Promise<Result> {
  await using transport = openTransport(network)
  const answer = await transport.send(new URL(`${url.href.replace(/\/$/, '')}${operationsPath}/${operation.verb}`), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(options),
    signal,
  })
  if (answer.headers['content-type'] !== linesType) {
    await discard(answer)
    throw stranger(answer)
  }
  if (answer.status === 401) {
    await discard(answer)
    throw new Fault(
      'denied',
      `${url.host} refuses the token; is it one of its --operator-token-file, or of its --objects-token-file?`,
    )
  }
  for await (const { progress, result, failure } of linesOf(answer, signal)) {
    if (failure) throw new Fault(failure.fault, failure.message)
    if (progress !== undefined) onProgress(understood(operation.progress, progress, url))
    if (result !== undefined) return understood(operation.result, result, url)
  }
  throw new Fault('unavailable', `${url.host} ended the connection before the work was done; its log may say why`)
}

function understood<T>(schema: Operation<unknown, T, T>['result'], said: unknown, { host }: URL): T {
  const parsed = schema.safeParse(said)
  if (parsed.success) return parsed.data
  const message = `what ${host} says cannot be understood; is it another version of Stowage?`
  throw new Fault('invalid', message, { cause: parsed.error })
}

async function* linesOf(answer: Answer, signal: AbortSignal): AsyncGenerator<OperationLine> {
  let rest: Uint8Array[] = []
  let size = 0
  for await (const chunk of bodyOf(answer, signal)) {
    let start = 0
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      yield lineIn(Buffer.concat([...rest, chunk.subarray(start, end)]), answer.url)
      rest = []
      size = 0
      start = end + 1
    }
    rest.push(chunk.subarray(start))
    size += chunk.length - start
    if (size > longestLine) throw new Fault('invalid', `${answer.url.host} says more at a time than can be true`)
  }
}

function lineIn(bytes: Buffer, url: URL): OperationLine {
  try {
    return understood(lineSchema, JSON.parse(bytes.toString()), url)
  } catch (cause) {
    if (isFault(cause)) throw cause
    throw new Fault('invalid', `${url.host} answers, but not as a mirror does`, { cause })
  }
}

/** Whoever answers is no mirror, or does not do such work. */
function stranger({ status, url }: Answer): Fault {
  if (codeOfStatus(status) === 'unavailable') {
    return new Fault('unavailable', `${url.host}: something in between answered ${status}`)
  }
  const message = `${url.host} takes no orders of operators (${status}); does it run with --operator-token-file?`
  return new Fault('not-found', message)
}
