import type PQueue from 'p-queue'
import type { Logger } from 'pino'
import type { BytesThere, ContentSource } from '../content.ts'
import { hasSameBytes } from '../copy/has-same-bytes.ts'
import { retry, type RetryOptions } from '../copy/retry.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import { isFault, type Fault } from '../oci/fault.ts'
import type { BlobIngest, Repository } from '../store/content-store.ts'
import { followBlob } from './follow-blob.ts'
import { createGrowingBlob } from './growing-blob.ts'
import { createPass, piecesOf, type Pass } from './pass.ts'
import { passBlob, proved } from './pass-blob.ts'
import { createSharedPasses, type BlobPart } from './shared-passes.ts'

/** Where a blob comes from and where it is to be. */
export interface BlobRoute {
  readonly source: Pick<ContentSource, 'blob'>
  readonly sourceRepository: string
  readonly repository: Repository
  /** Bounds how many blobs come from one upstream at a time. */
  readonly queue: PQueue
  /** Told of all bytes that come. */
  readonly onBytes?: ((bytes: number) => void) | undefined
  /** Told of bytes that are passed to a reader and not stored, as there is no room for them. */
  readonly onPassed?: ((bytes: number) => void) | undefined
}

/**
 * A blob on its way from an upstream into the store. It goes on whoever reads it, or nobody. If there is no room for it, its
 * readers are given its bytes from the upstream, and share them as long as they are not far from each other.
 */
export interface BlobFetch {
  /** Waits until the byte at `offset` may be read, or all is stored. @throws Fault if it is given up */
  reaches(offset: number): Promise<void>
  /** Part of it, as it comes; of all of it the last byte comes when it is proved. */
  read(part: BlobPart): AsyncIterable<Uint8Array>
}

/** The blobs that come now, each once, however many ask for it. */
export interface BlobFetches {
  /**
   * Begins to fetch a blob that belongs to the repository, goes on where an earlier try or process stopped, or joins the fetch
   * from the same upstream that is under way, for whichever repository: its bytes come once. What came for another repository
   * is for this one, too, only if the upstream has these bytes, and gives them for this one: manifests name what they like.
   */
  fetch(blob: Descriptor, route: BlobRoute): BlobFetch
  /** Resolves when none is under way. */
  settled(): Promise<void>
}

export interface BlobFetchesOptions {
  readonly log: Logger
  /** Ends all of them; what came so far is kept. */
  readonly signal: AbortSignal
  /** Told the size of a blob for which there is no room. */
  readonly onRefused?: ((bytes: number) => void) | undefined
  readonly retry?: RetryOptions | undefined
}

interface UnderWay extends BlobFetch {
  readonly digest: Digest
  readonly source: BlobRoute['source']
  /** For a repository of the same upstream. */
  join(route: BlobRoute): BlobFetch
  readonly over: Promise<void>
}

/** Another repository that gets a blob. */
interface Joined {
  readonly repository: Repository
  /** Rejected if the upstream does not give it the blob. */
  readonly admitted: Promise<void>
}

/** For some minutes without a byte: the client gives up later than we do, and begins with us anew. */
const patient = { pace: { baseMs: 200, capMs: 15_000, tries: 20 } } satisfies RetryOptions

/** So much of what came is kept for the case that another process has written less to the store, and overtakes all the same. */
const keptBytes = 2 * 1024 * 1024

export function createBlobFetches(options: BlobFetchesOptions): BlobFetches {
  const { log, signal, onRefused } = options
  const pace: RetryOptions = options.retry ?? patient
  const underWay = new Set<UnderWay>()
  const passes = createSharedPasses()

  function begin(blob: Descriptor, route: BlobRoute): UnderWay {
    const { repository } = route
    const growing = createGrowingBlob(blob.size)
    const joined = new Map<string, Joined>()
    let ingest: BlobIngest | undefined
    /** What comes from the upstream. It goes on where the store is opened anew, as another process wrote to it, too. */
    let stream: Pass | undefined
    const ingesting = {}
    /** So many bytes of it came from the upstream. */
    let came = 0

    const hasBytes = async (there: BytesThere): Promise<boolean> =>
      there.size <= came || (await hasSameBytes(blob, there, { ...route, signal }))

    /** Tries once; what was wrong with the bytes is not tried again under readers who had some of them. */
    async function tryOnce(progressed: () => void): Promise<Fault | undefined> {
      try {
        await using open = await repository.ingest(blob, { hasBytes, signal })
        if (!open) return undefined
        ingest = open
        growing.begin(open.offset)
        if (open.offset < blob.size) await receive(open, progressed)
        await open.commit()
        return undefined
      } catch (error) {
        if (isFault(error, 'corrupt')) return error
        throw error
      }
    }

    async function receive(open: BlobIngest, progressed: () => void): Promise<void> {
      let at = open.offset
      let isOver = false
      const coming = tapped(await bytesFrom(at), (chunk) => {
        // Of what was asked for ahead, before the store failed.
        if (isOver) return
        progressed()
        at += chunk.length
        came = Math.max(came, at)
        growing.add(chunk, open.offset)
      })
      await open.write(coming).finally(() => (isOver = true))
    }

    async function bytesFrom(offset: number): Promise<AsyncIterable<Uint8Array>> {
      if (stream?.reaches(offset)) return piecesOf(stream, ingesting, offset)
      await stream?.leave(ingesting)
      const { source, sourceRepository, onBytes } = route
      const bytes = await source.blob(sourceRepository, blob, { offset, signal })
      const counted = tapped(bytes, (chunk) => onBytes?.(chunk.length))
      stream = createPass(counted, { start: offset, end: blob.size, windowBytes: () => keptBytes, patienceMs: 0 })
      return piecesOf(stream, ingesting, offset)
    }

    async function run(): Promise<void> {
      try {
        const fault = await route.queue.add(() => retry(tryOnce, { ...pace, signal }), { signal })
        if (fault) throw fault
        for (const { admitted, repository: other } of joined.values()) {
          await admitted.then(
            () => link(blob, other),
            () => undefined,
          )
        }
        growing.end()
      } catch (error) {
        growing.fail(error)
        const facts = { err: error, digest: blob.digest, repository: repository.name }
        if (isFault(error, 'no-space')) {
          log.warn(facts, 'there is no room for a blob; it is passed on without being stored')
          onRefused?.(blob.size)
        } else if (isFault(error)) log.warn(facts, 'a blob could not be fetched')
        else if (!signal.aborted) log.error(facts, 'fetching a blob failed')
      } finally {
        underWay.delete(fetch)
        await stream?.leave(ingesting)
      }
    }

    /** Who is given a part proves that himself. */
    function read(part: BlobPart): AsyncIterable<Uint8Array> {
      const isWhole = part.offset === 0 && part.length === blob.size
      return isWhole ? proved(blob, readPart(part), () => growing.isStored) : readPart(part)
    }

    async function* readPart(part: BlobPart): AsyncGenerator<Uint8Array> {
      const end = part.offset + part.length
      let at = part.offset
      try {
        for await (const chunk of followBlob({ blob, growing, repository, ingest: () => ingest }, part)) {
          at += chunk.length
          yield chunk
        }
        return
      } catch (error) {
        if (!isFault(error, 'no-space')) throw error
      }
      const passed = { source: route.source, name: `${route.sourceRepository}@${blob.digest}` }
      for await (const chunk of passes.read(passed, { offset: at, length: end - at }, pass)) {
        route.onPassed?.(chunk.length)
        yield chunk
      }
    }

    function pass(part: BlobPart): AsyncIterable<Uint8Array> {
      const passing = { ...route, pace: pace.pace ?? patient.pace, pause: pace.pause, signal }
      return tapped(passBlob(blob, part, passing), (chunk) => route.onBytes?.(chunk.length))
    }

    async function reaches(offset: number): Promise<void> {
      await growing.reaches(offset).catch((error: unknown) => {
        if (!isFault(error, 'no-space')) throw error
      })
    }

    function admit(other: BlobRoute): Promise<void> {
      const { name } = other.repository
      const known = joined.get(name)
      if (known) return known.admitted
      const admitted = retry(() => askForOne(blob, other, signal), { ...pace, signal })
      joined.set(name, { repository: other.repository, admitted })
      admitted.catch(() => joined.delete(name))
      return admitted
    }

    function join(other: BlobRoute): BlobFetch {
      if (other.repository.name === repository.name) return fetch
      const admitted = admit(other)
      return {
        reaches: (offset) => admitted.then(() => reaches(offset)),
        async *read(part) {
          await admitted
          yield* read(part)
        },
      }
    }

    const fetch: UnderWay = { digest: blob.digest, source: route.source, join, over: run(), reaches, read }
    underWay.add(fetch)
    return fetch
  }

  return {
    fetch(blob, route) {
      const known = [...underWay].find(({ digest, source }) => digest === blob.digest && source === route.source)
      return known?.join(route) ?? begin(blob, route)
    },
    async settled() {
      await Promise.allSettled([...underWay].map(({ over }) => over))
    },
  }
}

/** Of its own repositories an upstream knows best what is in them. */
async function askForOne(
  blob: Descriptor,
  { source, sourceRepository }: BlobRoute,
  signal: AbortSignal,
): Promise<void> {
  for await (const _ of await source.blob(sourceRepository, blob, { offset: 0, length: 1, signal })) return
}

/** Its bytes are here by now: it gets its link, and nothing is begun. */
async function link(blob: Descriptor, repository: Repository): Promise<void> {
  await using _ = await repository.ingest(blob)
}

async function* tapped(bytes: AsyncIterable<Uint8Array>, tap: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    tap(chunk)
    yield chunk
  }
}
