import PQueue from 'p-queue'
import type { ContentSource } from '@stowage/mirror/content'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import type { Digest } from '@stowage/mirror/oci/digest'
import type { Lane } from '../plan/passage.ts'
import type { ImageGraph, Runtime } from '../runtime/runtime.ts'
import { fetchBlob } from '../transfer/fetch-blob.ts'
import type { PartStore } from '../transfer/part-store.ts'
import type { Throttle } from '../transfer/throttle.ts'
import { unlessAborted } from '../unless-aborted.ts'

export interface TransferOrder {
  readonly blob: Descriptor
  /** An image that needs it, which the runtime has begun. */
  readonly graph: ImageGraph
  readonly repository: string
  /** Higher goes first. */
  readonly priority: number
}

/** Blobs on their way into the runtime: each once, however many images wait for it. */
export interface Transfers {
  /** How many are under way or queued. */
  readonly size: number
  /**
   * Resolves when the runtime has taken the blob over. The signal ends the waiting; the transfer goes on.
   * @throws Fault, whatever ended the transfer
   */
  bring(order: TransferOrder, signal: AbortSignal): Promise<void>
  /** Under which limit each blob comes from now on; those that are not in it are under none. */
  allot(lanes: ReadonlyMap<Digest, Lane>): void
  /** Ends the transfers of these blobs. What came stays for a later try. */
  end(digests: ReadonlySet<Digest>): void
  /** Ends the transfers of all other blobs. What came stays for a later try. */
  retain(digests: ReadonlySet<Digest>): void
  /** Ends all, and resolves when they have. */
  stop(): Promise<void>
}

export interface TransfersOptions {
  readonly source: ContentSource
  readonly runtime: Runtime
  readonly parts: PartStore
  readonly throttle: Throttle
  /** Blobs at a time, and as many again under each limit: who may go fast is not to wait for who may not. */
  readonly concurrency: number
  readonly stallMs: number
  readonly onBytes: (bytes: number) => void
  /** The runtime has a blob now. */
  readonly onArrival: (digest: Digest) => void
}

export function createTransfers(options: TransfersOptions): Transfers {
  const { source, runtime, parts, throttle, concurrency, stallMs, onBytes, onArrival } = options
  const queues = new Map<string | undefined, PQueue>()
  const running = new Map<Digest, { readonly controller: AbortController; readonly done: Promise<void> }>()

  async function transfer({ blob, graph, repository }: TransferOrder, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    await fetchBlob(blob, { source, repository, parts, signal, stallMs, throttle, onBytes })
    await runtime.accept(graph, { descriptor: blob, path: parts.pathOf(blob.digest) })
    onArrival(blob.digest)
    await parts.drop(blob.digest)
  }

  function queueFor(digest: Digest): PQueue {
    const lane = throttle.laneOf(digest)
    const queue = queues.get(lane) ?? new PQueue({ concurrency })
    queues.set(lane, queue)
    return queue
  }

  function begin(order: TransferOrder): Promise<void> {
    const { digest } = order.blob
    const controller = new AbortController()
    const done = queueFor(digest)
      .add(() => transfer(order, controller.signal), { priority: order.priority })
      .finally(() => running.delete(digest))
    done.catch(ignore)
    running.set(digest, { controller, done })
    return done
  }

  return {
    get size() {
      return running.size
    },

    async bring(order, signal) {
      // One that is being ended still has the part file open.
      for (let old = running.get(order.blob.digest); old?.controller.signal.aborted;) {
        await unlessAborted(old.done.catch(ignore), signal)
        old = running.get(order.blob.digest)
      }
      await unlessAborted(running.get(order.blob.digest)?.done ?? begin(order), signal)
    },

    allot: (lanes) => throttle.allot(lanes),

    end(digests) {
      for (const digest of digests) running.get(digest)?.controller.abort(new Error('this blob may not come now'))
    },

    retain(digests) {
      for (const [digest, { controller }] of running) {
        if (!digests.has(digest)) controller.abort(new Error('nobody wants this blob any more'))
      }
    },

    async stop() {
      const ends = [...running.values()].map(({ controller, done }) => {
        controller.abort(new Error('the transfers were stopped'))
        return done
      })
      await Promise.allSettled(ends)
    },
  }
}

function ignore(): void {
  // Whoever waits for a transfer hears how it ended; to all others it does not matter.
}
