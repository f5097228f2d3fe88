import path from 'node:path'
import { Client, credentials, type MethodDefinition, type ServiceDefinition } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

/** One connection to a CRI socket, for all its services. */
export interface CriConnection {
  /**
   * Calls a method of `cri.proto` by its name. What comes back is trusted to have the form of its message.
   * @throws ServiceError of gRPC, also when the time (default 60 s) is over
   */
  readonly call: <T>(method: string, request: object, options?: { withinMs?: number }) => Promise<T>
  readonly close: () => void
}

type Method = MethodDefinition<object, object>

/** The connection is made at the first call, and made again when the runtime comes back. */
export function createCriConnection(socket: string): CriConnection {
  const methods = loadMethods()
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), {
    // A runtime that was killed is back in a moment, and the tests wait for it.
    'grpc.initial_reconnect_backoff_ms': 50,
    'grpc.max_reconnect_backoff_ms': 100,
    'grpc.max_receive_message_length': 16 * 1024 * 1024,
  })
  return {
    call<T>(name: string, request: object, { withinMs = 60_000 } = {}) {
      const method = methods.get(name)
      if (!method) throw new Error(`cri.proto has no method ${name}`)
      const { path: at, requestSerialize, responseDeserialize } = method
      return new Promise<T>((resolve, reject) => {
        const deadline = { deadline: Date.now() + withinMs }
        client.makeUnaryRequest(at, requestSerialize, responseDeserialize, request, deadline, (error, response) => {
          if (error) reject(error)
          else resolve(response as T)
        })
      })
    },
    close: () => client.close(),
  }
}

function loadMethods(): Map<string, Method> {
  const file = path.join(import.meta.dirname, 'cri.proto')
  const definitions = loadSync(file, { longs: Number, enums: String, defaults: true })
  const services = ['runtime.v1.RuntimeService', 'runtime.v1.ImageService'].map(
    (name) => definitions[name] as ServiceDefinition,
  )
  return new Map(services.flatMap((service) => Object.entries(service) as [string, Method][]))
}
