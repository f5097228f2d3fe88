import { fileURLToPath } from 'node:url'
import {
  Client,
  credentials,
  Metadata,
  type CallOptions,
  type ClientDuplexStream,
  type ClientReadableStream,
} from '@grpc/grpc-js'
import { loadSync, type MethodDefinition } from '@grpc/proto-loader'
import { containerdFault } from './containerd-fault.ts'

export interface CallSettings {
  /** More than what the channel always sends. */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** How long the answer may take, in milliseconds; a minute if left out. */
  readonly timeoutMs?: number | undefined
}

/** One connection to a gRPC server on a Unix socket. It is made when it is needed, and again after it broke. */
export interface GrpcChannel extends Disposable {
  /** Path of the socket. */
  readonly socket: string
  /**
   * One question, one answer. @param method `Service/Method`
   * @throws Fault, see `containerdFault`
   */
  call<Reply>(method: string, request: object, settings?: CallSettings): Promise<Reply>
  /** One question, many answers. Whoever stops early ends the call, and so does the signal. */
  stream<Reply>(
    method: string,
    request: object,
    settings?: CallSettings & { readonly signal?: AbortSignal },
  ): AsyncGenerator<Reply>
  /** Many questions, many answers; its errors are no faults yet. */
  duplex<Request, Reply>(method: string, settings?: CallSettings): ClientDuplexStream<Request, Reply>
}

export interface GrpcChannelOptions {
  /** Path of the socket. */
  readonly socket: string
  /** Sent with every call. */
  readonly metadata: Readonly<Record<string, string>>
}

const protos = ['containers', 'content', 'cri', 'diff', 'events', 'images', 'introspection', 'leases'].concat([
  'namespaces',
  'snapshots',
  'version',
])

/** Nodes with thousands of images have lists of many megabytes. */
const largestMessage = 64 * 1024 * 1024

const defaultTimeoutMs = 60_000

/** For calls after which containerd walks through all files of a layer, or takes them away. */
export const slowDisk: CallSettings = { timeoutMs: 10 * 60_000 }

/** Opens a channel for the services in `proto/`; whether somebody listens shows with the first call. */
export function openGrpcChannel({ socket, metadata }: GrpcChannelOptions): GrpcChannel {
  const methods = loadMethods()
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': largestMessage,
    'grpc.max_send_message_length': largestMessage,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
  })

  function methodOf(name: string): MethodDefinition<object, object> {
    const method = methods.get(name)
    if (!method) throw new Error(`${name} is in no proto`)
    return method
  }
  function metadataOf(more: CallSettings['metadata']): Metadata {
    const all = new Metadata()
    for (const [key, value] of Object.entries({ ...metadata, ...more })) all.set(key, value)
    return all
  }
  const optionsOf = ({ timeoutMs = defaultTimeoutMs }: CallSettings): CallOptions => ({
    deadline: Date.now() + timeoutMs,
  })

  return {
    socket,

    call<Reply>(name: string, request: object, settings: CallSettings = {}): Promise<Reply> {
      const { path, requestSerialize, responseDeserialize } = methodOf(name)
      return new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          metadataOf(settings.metadata),
          optionsOf(settings),
          (error, reply) =>
            error ? reject(containerdFault(error, { method: name, socket })) : resolve(reply as Reply),
        )
      })
    },

    async *stream<Reply>(
      name: string,
      request: object,
      settings: CallSettings & { readonly signal?: AbortSignal } = {},
    ): AsyncGenerator<Reply> {
      const { path, requestSerialize, responseDeserialize } = methodOf(name)
      settings.signal?.throwIfAborted()
      const call: ClientReadableStream<object> = client.makeServerStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadataOf(settings.metadata),
        optionsOf(settings),
      )
      const cancel = (): void => call.cancel()
      settings.signal?.addEventListener('abort', cancel, { once: true })
      try {
        for await (const reply of call) yield reply as Reply
      } catch (error) {
        throw containerdFault(error, { method: name, socket })
      } finally {
        settings.signal?.removeEventListener('abort', cancel)
        // A call that has ended takes no notice; one that has not must not say so as an error that nobody hears.
        call.on('error', () => {})
        call.cancel()
      }
    },

    duplex<Request, Reply>(name: string, settings: CallSettings = {}): ClientDuplexStream<Request, Reply> {
      const { path, requestSerialize, responseDeserialize } = methodOf(name)
      const call: ClientDuplexStream<object, object> = client.makeBidiStreamRequest(
        path,
        requestSerialize,
        responseDeserialize,
        metadataOf(settings.metadata),
        optionsOf(settings),
      )
      return call as unknown as ClientDuplexStream<Request, Reply>
    },

    [Symbol.dispose]: () => client.close(),
  }
}

/** By `Service/Method`: in our protos no two services have one name. */
function loadMethods(): Map<string, MethodDefinition<object, object>> {
  const directory = fileURLToPath(new URL('../../../proto', import.meta.url))
  const definitions = loadSync(
    protos.map((name) => `${name}.proto`),
    { includeDirs: [directory], longs: Number, enums: String, defaults: true },
  )
  const methods = new Map<string, MethodDefinition<object, object>>()
  for (const [name, definition] of Object.entries(definitions)) {
    if ('format' in definition) continue
    for (const [method, one] of Object.entries(definition)) {
      methods.set(`${name.split('.').at(-1)}/${method}`, one)
    }
  }
  return methods
}
