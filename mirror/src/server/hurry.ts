import type { IncomingMessage } from 'node:http'

/** How long a body may take. */
export interface Patience {
  /** However little comes, in milliseconds. */
  readonly graceMs: number
  /** More time is there for what came. */
  readonly bytesPerSecond: number
}

/** Cuts a request whose body comes so slowly that it does nothing but hold a place. Whoever reads it is not disturbed otherwise. */
export function hurry(request: IncomingMessage, { graceMs, bytesPerSecond }: Patience, onCut: () => void): void {
  const begunAt = performance.now()
  const before = bytesOf(request)
  let timer: NodeJS.Timeout | undefined

  /** Time that this process stood still is not taken for the sender's before what came meanwhile was read. */
  function look(hasRead = false): void {
    if (request.complete || request.destroyed) return
    const allowedMs = graceMs + ((bytesOf(request) - before) / bytesPerSecond) * 1000
    const leftMs = begunAt + allowedMs - performance.now()
    if (leftMs > 0) {
      timer = setTimeout(look, Math.ceil(leftMs)).unref()
      return
    }
    if (!hasRead) {
      setImmediate(look, true)
      return
    }
    onCut()
    request.destroy()
  }

  look()
  request.once('close', () => clearTimeout(timer))
}

/** All that came over its connection; a request that a test makes up has none. */
function bytesOf({ socket }: IncomingMessage): number {
  return (socket as Partial<typeof socket>).bytesRead ?? 0
}

/** Whether something comes behind the head of a request. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
