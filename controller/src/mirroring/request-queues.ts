import PQueue from 'p-queue'

/** The queue for requests to a registry: each has its own, so that one that hangs keeps no other waiting. */
export type QueueFor = (registry: string) => PQueue

/** @param concurrency how many requests a registry is asked at a time */
export function createRequestQueues(concurrency: number): QueueFor {
  const queues = new Map<string, PQueue>()
  return (registry) => {
    const queue = queues.get(registry) ?? new PQueue({ concurrency })
    queues.set(registry, queue)
    return queue
  }
}
