import type { LinkCounts } from './link-protocol.ts'

export type Direction = 'down' | 'up'

/** An answer whose body is being counted. */
export interface Answer {
  readonly method: string
  readonly path: string
  readonly status: number
}

/** Counts what crossed; see `LinkCounts` for the words. */
export interface LinkCounters {
  connection(): void
  crossed(direction: Direction, bytes: number): void
  answer(answer: Answer): void
  body(answer: Answer, bytes: number): void
  unreadable(): void
  counts(): LinkCounts
}

const mostPaths = 1000

export function createLinkCounters(): LinkCounters {
  const counts: LinkCounts = {
    downBytes: 0,
    upBytes: 0,
    connections: 0,
    blobBytes: 0,
    blobs: {},
    bodies: {},
    unreadable: 0,
  }
  const keyOf = ({ method, path }: Answer): string => {
    const key = `${method} ${path}`
    return key in counts.bodies || Object.keys(counts.bodies).length < mostPaths ? key : 'other'
  }
  function add(answer: Answer, responses: number, bytes: number): void {
    addTo(counts.bodies, keyOf(answer), responses, bytes)
    const digest = blobOf(answer)
    if (digest === undefined) return
    addTo(counts.blobs, digest, responses, bytes)
    counts.blobBytes += bytes
  }
  return {
    connection: () => void (counts.connections += 1),
    crossed: (direction, bytes) => void (counts[direction === 'down' ? 'downBytes' : 'upBytes'] += bytes),
    answer: (answer) => add(answer, 1, 0),
    body: (answer, bytes) => add(answer, 0, bytes),
    unreadable: () => void (counts.unreadable += 1),
    counts: () => structuredClone(counts),
  }
}

/** The digest in `/v2/<name>/blobs/<digest>`, if the answer carries bytes of that blob. */
function blobOf({ method, path, status }: Answer): string | undefined {
  if (method !== 'GET' || (status !== 200 && status !== 206)) return undefined
  return /^\/v2\/.+\/blobs\/([a-z0-9]+:[a-f0-9]+)$/.exec(decodeColon(path))?.[1]
}

function decodeColon(path: string): string {
  return path.replace(/%3a/gi, ':')
}

function addTo(record: LinkCounts['bodies'], key: string, responses: number, bytes: number): void {
  const found = (record[key] ??= { responses: 0, bytes: 0 })
  found.responses += responses
  found.bytes += bytes
}
