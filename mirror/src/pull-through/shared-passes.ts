import { createPass, piecesOf, type Pass } from './pass.ts'

/** A stretch of a blob. */
export interface BlobPart {
  readonly offset: number
  readonly length: number
}

/** Of what is read: equal ones share what comes. */
export interface PassedBlob {
  readonly source: object
  /** Repository and digest. */
  readonly name: string
}

export interface SharedPassesOptions {
  /** So much of what comes is held in all for readers that are behind, in bytes. */
  readonly heldBytes?: number
  /** So long all the others wait for one reader, in milliseconds. */
  readonly patienceMs?: number
}

/**
 * Passes blobs that cannot be stored to who reads them. Who reads where bytes are held, or are to come next, reads along, and makes
 * nothing come again; a download waits a little for those who are slower, who then go on with one of their own, which others
 * may join, too. It ends with its last reader.
 */
export interface SharedPasses {
  /** `open` begins to fetch a stretch, if that is needed. @throws what it throws */
  read(blob: PassedBlob, part: BlobPart, open: (part: BlobPart) => AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>
}

const defaultHeldBytes = 64 * 1024 * 1024
/** For how long a time one after the other may come: over a thin link, where it counts, for many seconds. */
const mostHeldByOne = 8 * 1024 * 1024
const defaultPatienceMs = 5_000

export function createSharedPasses(options: SharedPassesOptions = {}): SharedPasses {
  const { heldBytes = defaultHeldBytes, patienceMs = defaultPatienceMs } = options
  const passes = new Map<Pass, PassedBlob>()
  /** Anybody may begin to read anywhere: many downloads have little room each. */
  const windowBytes = (): number => Math.min(mostHeldByOne, heldBytes / passes.size)

  function find({ source, name }: PassedBlob, at: number): Pass | undefined {
    for (const [pass, blob] of passes) {
      if (blob.source === source && blob.name === name && pass.reaches(at)) return pass
    }
    return undefined
  }

  return {
    async *read(blob, { offset, length }, open) {
      const end = offset + length
      const reader = {}
      for (let at = offset; at < end;) {
        const begin = (): Pass =>
          createPass(open({ offset: at, length: end - at }), { start: at, end, windowBytes, patienceMs })
        const pass = find(blob, at) ?? begin()
        passes.set(pass, blob)
        try {
          for await (const bytes of piecesOf(pass, reader, at)) {
            const wanted = bytes.subarray(0, end - at)
            at += wanted.length
            yield wanted
            if (at === end) return
          }
        } finally {
          if (await pass.leave(reader)) passes.delete(pass)
        }
      }
    },
  }
}
