import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Fault } from '@stowage/mirror/oci/fault'
import type { GrpcChannel } from './grpc-channel.ts'
import { watchEvents } from './watch-events.ts'

interface Envelope {
  readonly namespace: string
  readonly topic: string
}

/** A containerd that says these and is silent then, once for each time that it is there. */
function containerdThatSays(...lives: readonly (readonly Envelope[])[]): GrpcChannel {
  const left = [...lives]
  async function* subscribe(signal: AbortSignal | undefined): AsyncGenerator<Envelope> {
    yield* left.shift() ?? []
    if (left.length > 0) throw new Fault('unavailable', 'it was killed')
    if (signal && !signal.aborted) await once(signal, 'abort')
  }
  return {
    socket: '/run/c.sock',
    call: <Reply>() => Promise.resolve({} as Reply),
    stream: (_method: string, _request: object, settings?: { readonly signal?: AbortSignal }) =>
      subscribe(settings?.signal) as never,
    duplex: () => {
      throw new Error('nobody asked for that')
    },
    [Symbol.dispose]: () => {},
  }
}

const event = (topic: string, namespace = 'k8s.io'): Envelope => ({ topic, namespace })
const soon = { timeout: 10_000, interval: 5 }

/** How often the agent is told to look. */
function watch(channel: GrpcChannel): Disposable & { readonly count: () => number } {
  let told = 0
  const watching = watchEvents(channel, 'k8s.io', () => (told += 1))
  return { count: () => told, [Symbol.dispose]: () => watching[Symbol.dispose]() }
}

describe('the watch of containerd', () => {
  it('tells of changes in its namespace only', async () => {
    using told = watch(containerdThatSays([event('/images/update'), event('/images/delete', 'moby')]))
    await expect.poll(told.count, soon).toBe(2)
  })

  it('tells once of containers that went together, and again when CRI has had time to forget them', async () => {
    using told = watch(containerdThatSays([event('/containers/delete'), event('/containers/delete')]))
    await expect.poll(told.count, soon).toBe(2)
    await expect.poll(told.count, soon).toBe(3)
  })

  it('tells that containerd went, and that it is back', async () => {
    using told = watch(containerdThatSays([], []))
    await expect.poll(told.count, soon).toBe(2)
    await expect.poll(told.count, soon).toBe(3)
  })
})
