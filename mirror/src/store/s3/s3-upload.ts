import { Fault, isFault } from '../../oci/fault.ts'
import { checkKey } from '../object-key.ts'
import type { ReadOptions, Upload } from '../object-store.ts'
import { makeName } from './cell.ts'
import { finishUpload, pieceKey, readPieces, type FinishContext, type OpenedUpload } from './finish-upload.ts'
import { nextSegmentSize, parseState, stateCell, type Segment, type UploadState } from './upload-state.ts'

export interface S3UploadContext extends FinishContext {
  /** Ids of uploads that somebody writes to in this process. */
  readonly busy: Set<string>
  /** Milliseconds, from any beginning, never going back. */
  readonly monotonicNow: () => number
}

/** What came is noted in the bucket so often while more comes, in milliseconds: what is not noted is lost with the process. */
const noteEveryMs = 2000
/** So much of a tail becomes a crumb when it is noted while more comes: else each note would hold it once more. */
const crumbSize = 1024 * 1024

/** A stretch of an upload: in memory, or stored. */
type Piece = { readonly bytes: Uint8Array } | Segment

/**
 * An upload over the bucket, for one who appends. Full segments go to the bucket at once, one while the next one fills; the state
 * that names them, with the bytes behind them, is replaced now and then and at the end of an append, if nobody else did. What
 * comes slowly, or while many others come, is stored in crumbs meanwhile, and read again when a segment is full.
 */
export function createS3Upload(id: string, opened: OpenedUpload, context: S3UploadContext): Upload {
  const { bucket, uploads, memory, busy, monotonicNow } = context
  let noted = opened
  let segments = [...opened.state.segments]
  let flying: { readonly segment: Segment; readonly bytes: Uint8Array; readonly landed: Promise<unknown> } | undefined
  let crumbs = [...opened.state.crumbs]
  let tail: Uint8Array[] = [opened.tail]
  let isGone = false

  const conflict = (): Fault => new Fault('conflict', `upload ${id} has another writer`)
  const gone = (): Fault => new Fault('not-found', `upload ${id} is gone: it was published, discarded or has expired`)
  const pieces = (): Piece[] => [
    ...segments,
    ...(flying ? [{ bytes: flying.bytes }] : []),
    ...crumbs,
    ...tail.map((bytes) => ({ bytes })),
  ]
  const keyOf = (piece: Segment): string => pieceKey(piece, noted.state.data, context)
  const segmentSize = (): number => nextSegmentSize(segments.length + (flying ? 1 : 0))

  async function exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (busy.has(id)) throw conflict()
    busy.add(id)
    try {
      return await work()
    } finally {
      busy.delete(id)
    }
  }

  /** Everything is again as the bucket is known to have it. */
  function fallBack(): void {
    segments = [...noted.state.segments]
    flying = undefined
    crumbs = [...noted.state.crumbs]
    tail = [noted.tail]
  }

  async function land(): Promise<void> {
    if (!flying) return
    await flying.landed
    segments.push(flying.segment)
    flying = undefined
  }

  /** Sends what fills a segment on its way. */
  async function cut(): Promise<void> {
    await land()
    const segment = { name: makeName(), size: segmentSize() }
    if (crumbs.length === 0 && memory.share() >= segment.size) return fly(segment)
    await memory.inTurn(async () => {
      const bytes = Buffer.concat([...(await readPieces(crumbs, noted.state.data, context)), ...tail])
      await bucket.put(keyOf(segment), bytes.subarray(0, segment.size))
      segments.push(segment)
      crumbs = []
      tail = [Buffer.from(bytes.subarray(segment.size))]
    })
  }

  function fly(segment: Segment): void {
    const bytes = Buffer.concat(tail)
    const full = bytes.subarray(0, segment.size)
    const landed = bucket.put(keyOf(segment), full)
    // Whoever lands it hears of a failure.
    landed.catch(() => undefined)
    flying = { segment, bytes: full, landed }
    tail = [Buffer.from(bytes.subarray(segment.size))]
  }

  /** Lets memory go. */
  async function crumble(): Promise<void> {
    const bytes = Buffer.concat(tail)
    tail = [bytes]
    const crumb = { name: makeName(), size: bytes.length }
    await bucket.put(keyOf(crumb), bytes)
    crumbs.push(crumb)
    tail = []
  }

  async function note(change: Pick<UploadState, 'publishing'> = {}): Promise<void> {
    await land()
    const state = { ...noted.state, segments: [...segments], crumbs: [...crumbs], ...change }
    const rest = Buffer.concat(tail)
    const etag = await uploads.replace(id, noted.etag, stateCell(state, rest))
    if (etag === undefined) throw (await uploads.find(id)) ? conflict() : gone()
    noted = { etag, state, tail: rest }
    tail = [rest]
  }

  async function noteWithCrumb(atLeast: number): Promise<void> {
    if (sizeOf(tail) >= atLeast) await crumble()
    await note()
  }

  async function take(bytes: AsyncIterable<Uint8Array>): Promise<void> {
    using _ = memory.enter()
    let notedAt = monotonicNow()
    let failure: { readonly error: unknown } | undefined
    try {
      for await (const chunk of bytes) {
        tail.push(chunk)
        while (sizeOf([...crumbs, ...tail]) >= segmentSize()) await cut()
        const isTime = monotonicNow() - notedAt >= noteEveryMs
        if (!isTime && sizeOf(tail) < memory.share()) continue
        await noteWithCrumb(Math.min(crumbSize, memory.share()))
        notedAt = monotonicNow()
      }
    } catch (error) {
      failure = { error }
    }
    // Who goes on with it would hold all of it in memory.
    if (hasMore()) await noteWithCrumb(memory.share())
    if (failure) throw failure.error
  }

  function hasMore(): boolean {
    const { state, tail: rest } = noted
    return sizeOf(pieces()) > sizeOf([...state.segments, ...state.crumbs, rest])
  }

  return {
    id,
    get size() {
      return isGone ? 0 : sizeOf(pieces())
    },
    get version() {
      return noted.etag
    },

    append: (bytes) =>
      exclusively(async () => {
        // Who failed to publish it left it to whoever opens it next: nothing may be added to what that one finishes.
        if (isGone || noted.state.publishing !== undefined) throw gone()
        try {
          await take(bytes)
        } catch (error) {
          fallBack()
          throw error
        }
        return sizeOf(pieces())
      }),

    async *read({ offset = 0, length = Infinity }: Pick<ReadOptions, 'offset' | 'length'> = {}) {
      if (isGone) return
      let at = 0
      for (const piece of pieces()) {
        const size = sizeOf([piece])
        const [start, end] = [Math.max(0, offset - at), Math.min(size, offset + length - at)]
        at += size
        if (start >= end) continue
        if ('bytes' in piece) {
          yield piece.bytes.subarray(start, end)
          continue
        }
        const stored = await bucket.get(keyOf(piece), { start, end })
        if (!stored) return
        yield* stored.bytes
      }
    },

    async publish(key) {
      checkKey(key)
      return await exclusively(async () => {
        if (isGone) throw gone()
        await note({ publishing: key })
        const outcome = await finishUpload(id, key, { upload: noted, context })
        isGone = true
        return outcome
      })
    },

    discard: () =>
      exclusively(async () => {
        await discardUpload(id, context)
        isGone = true
      }),

    [Symbol.asyncDispose]: async () => {},
  }
}

/** Reads what the bucket has of an upload. @throws Fault corrupt */
export async function findUpload(
  id: string,
  { uploads }: Pick<FinishContext, 'uploads'>,
): Promise<OpenedUpload | undefined> {
  const found = await uploads.find(id, Infinity)
  if (!found) return undefined
  try {
    return { etag: found.etag, ...parseState(found.bytes) }
  } catch (cause) {
    throw new Fault('corrupt', `the state of upload ${id} in the bucket is damaged`, { cause })
  }
}

/** Goes on with what somebody was about to publish and did not come through with; true if that was so. */
export async function rollForward(id: string, upload: OpenedUpload, context: FinishContext): Promise<boolean> {
  const { etag, state } = upload
  if (state.publishing === undefined) return false
  try {
    await finishUpload(id, state.publishing, { upload, context })
  } catch (error) {
    if (!isFault(error, 'not-found')) throw error
    // Its segments are gone: with the upload, by who finished it, or without, and then it can never be.
    await context.uploads.delete(id, etag, state.data)
  }
  return true
}

async function discardUpload(id: string, context: FinishContext): Promise<void> {
  for (;;) {
    const upload = await findUpload(id, context)
    if (!upload || (await rollForward(id, upload, context))) return
    if (await context.uploads.delete(id, upload.etag, upload.state.data)) return
  }
}

function sizeOf(pieces: readonly (Piece | Uint8Array)[]): number {
  return pieces.reduce((sum, piece) => {
    if (piece instanceof Uint8Array) return sum + piece.length
    return sum + ('bytes' in piece ? piece.bytes.length : piece.size)
  }, 0)
}
