import type { ClientDuplexStream } from '@grpc/grpc-js'
import { setTimeout as delay } from 'node:timers/promises'
import type { Descriptor } from '@stowage/mirror/oci/descriptor'
import { algorithmOf, createDigester, type Digest } from '@stowage/mirror/oci/digest'
import { Fault, isFault } from '@stowage/mirror/oci/fault'
import { ifThere, isAnswer, containerdFault } from './containerd-fault.ts'
import type { GrpcChannel } from './grpc-channel.ts'
import type { Labels } from './labels.ts'

/** containerd's content store: blobs by digest, with labels. */
export interface Content {
  /** Labels of all that is there, by digest; or of what has one of these labels. */
  all(having?: readonly string[]): Promise<Map<Digest, Labels>>
  /** Undefined if it is not there. */
  labelsOf(digest: Digest): Promise<Labels | undefined>
  /** Undefined if it is not there. */
  read(digest: Digest, largest: number): Promise<Uint8Array | undefined>
  /** Whether its file is there and has the bytes that it should have: reads all of it. */
  isSound(digest: Digest): Promise<boolean>
  /** Takes it away, whoever refers to it. */
  delete(digest: Digest): Promise<void>
  /** Adds labels to what is there; an empty value takes one away. */
  label(digest: Digest, labels: Labels): Promise<void>
  /**
   * Puts a blob there, held by a lease; what an earlier process began is gone on with.
   * @throws Fault corrupt: the bytes are not the promised ones
   */
  ingest(blob: Pick<Descriptor, 'digest' | 'size'>, ingest: IngestOptions): Promise<void>
}

export interface IngestOptions {
  readonly lease: string
  readonly labels: Labels
  /** Bytes from there on; a piece may be written over once the next one is asked for. */
  readonly bytes: (offset: number) => AsyncIterable<Uint8Array>
}

interface Info {
  readonly digest: Digest
  readonly labels: Record<string, string>
}

interface WriteRequest {
  readonly action: 'STAT' | 'WRITE' | 'COMMIT'
  readonly ref: string
  readonly total: number
  readonly expected: string
  readonly offset?: number
  readonly data?: Uint8Array
  readonly labels?: Labels
}

interface WriteReply {
  readonly action: WriteRequest['action']
  readonly offset: number
}

/** A large layer on a slow disk. */
const longestReadMs = 30 * 60_000
const lockedTries = 20
const lockedPauseMs = 100

export function createContent(channel: GrpcChannel): Content {
  async function labelsOf(digest: Digest): Promise<Labels | undefined> {
    const reply = await ifThere(channel.call<{ info: Info }>('Content/Info', { digest }))
    return reply?.info.labels
  }

  const refOf = (digest: Digest): string => `stowage-${digest}`

  async function write(blob: Pick<Descriptor, 'digest' | 'size'>, options: IngestOptions): Promise<void> {
    const { digest, size } = blob
    const call = channel.duplex<WriteRequest, WriteReply>('Content/Write', {
      metadata: { 'containerd-lease': options.lease },
      timeoutMs: Infinity,
    })
    // Whoever waits for a reply hears of it; between two replies nobody does.
    call.on('error', () => {})
    const replies = repliesOf(call)
    const common = { ref: refOf(digest), total: size, expected: digest }
    try {
      let { offset } = await ask(call, replies, { action: 'STAT', ...common })
      for await (const data of offset < size ? options.bytes(offset) : []) {
        // Without an offset containerd would cut off what is there.
        await ask(call, replies, { action: 'WRITE', ...common, offset, data })
        offset += data.length
      }
      await ask(call, replies, { action: 'COMMIT', ...common, offset, labels: options.labels })
    } catch (error) {
      throw containerdFault(error, { method: 'Content/Write', socket: channel.socket })
    } finally {
      call.end()
      call.cancel()
    }
  }

  /** A stream that broke holds its lock until containerd has seen that. */
  async function writeUnlocked(blob: Pick<Descriptor, 'digest' | 'size'>, options: IngestOptions): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await write(blob, options)
        return
      } catch (error) {
        const isLocked = isAnswer(error, 'UNAVAILABLE') && isFault(error) && error.message.includes('locked')
        if (!isLocked || tries === lockedTries) throw error
        await delay(lockedPauseMs)
      }
    }
  }

  async function abort(digest: Digest): Promise<void> {
    await ifThere(channel.call('Content/Abort', { ref: refOf(digest) }))
  }

  return {
    labelsOf,

    async all(having = []) {
      const all = new Map<Digest, Labels>()
      const filters = having.map((label) => `labels."${label}"`)
      for await (const { info } of channel.stream<{ info: Info[] }>('Content/List', { filters })) {
        for (const { digest, labels } of info) all.set(digest, labels)
      }
      return all
    },

    async read(digest, largest) {
      const chunks: Uint8Array[] = []
      let size = 0
      try {
        for await (const { data } of channel.stream<{ data: Uint8Array }>('Content/Read', { digest })) {
          chunks.push(data)
          size += data.length
          if (size > largest) return undefined
        }
      } catch (error) {
        if (isAnswer(error, 'NOT_FOUND')) return undefined
        throw error
      }
      return Buffer.concat(chunks)
    },

    async isSound(digest) {
      const digester = createDigester(algorithmOf(digest))
      const read = async (): Promise<Digest> => {
        const chunks = channel.stream<{ data: Uint8Array }>('Content/Read', { digest }, { timeoutMs: longestReadMs })
        for await (const { data } of chunks) digester.update(data)
        return digester.digest()
      }
      return (await ifThere(read())) === digest
    },

    async delete(digest) {
      await ifThere(channel.call('Content/Delete', { digest }))
    },

    async label(digest, labels) {
      const paths = Object.keys(labels).map((key) => `labels.${key}`)
      if (paths.length === 0) return
      await channel.call('Content/Update', { info: { digest, labels }, updateMask: { paths } })
    },

    async ingest(blob, options) {
      try {
        await writeUnlocked(blob, options)
      } catch (error) {
        if (isAnswer(error, 'ALREADY_EXISTS')) return
        // Half a blob may be what fills the disk; its whole is with the agent.
        if (isFault(error, 'no-space')) await abort(blob.digest).catch(() => {})
        if (!isFault(error, 'conflict')) throw error
        // Its tail may be from before a power cut: containerd can only begin it anew.
        await abort(blob.digest)
        await writeUnlocked(blob, options)
      }
    },
  }
}

type Replies = AsyncIterator<WriteReply>

function repliesOf(call: ClientDuplexStream<WriteRequest, WriteReply>): Replies {
  return (call as AsyncIterable<WriteReply>)[Symbol.asyncIterator]()
}

/** One message and its answer. containerd hashes what it gets before it answers: more in flight would not be faster. */
async function ask(
  call: ClientDuplexStream<WriteRequest, WriteReply>,
  replies: Replies,
  request: WriteRequest,
): Promise<WriteReply> {
  call.write(request)
  const reply = await replies.next()
  if (reply.done)
    throw new Fault('unavailable', `containerd ended Content/Write without an answer to ${request.action}`)
  return reply.value
}
