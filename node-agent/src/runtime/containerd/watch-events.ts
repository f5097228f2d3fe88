import { setTimeout as delay } from 'node:timers/promises'
import { isFault } from '@stowage/mirror/oci/fault'
import type { GrpcChannel } from './grpc-channel.ts'

const topics = ['/images/', '/containers/delete', '/namespaces/create'].map((prefix) => `topic~="^${prefix}"`)
const pauseMs = 1000
/** A pull alone makes several events: they are one look. */
const gatherMs = 100
/** CRI goes on listing a container for a moment after containerd has told that it is gone. */
const echoMs = 1000

/**
 * Tells when images or the containers that use them may have changed: a pull by the kubelet takes our pins away, and a
 * container that goes sets its image free. Also told when containerd goes, and when it is back: what happened meanwhile
 * nobody says.
 */
export function watchEvents(channel: GrpcChannel, namespace: string, onChange: () => void): Disposable {
  const ended = new AbortController()
  let gathering: NodeJS.Timeout | undefined
  let echo: NodeJS.Timeout | undefined

  function tell(topic: string): void {
    gathering ??= setTimeout(() => {
      gathering = undefined
      onChange()
    }, gatherMs)
    if (topic !== '/containers/delete') return
    clearTimeout(echo)
    echo = setTimeout(onChange, echoMs)
  }

  async function follow(): Promise<void> {
    const settings = { timeoutMs: Infinity, signal: ended.signal }
    const envelopes = channel.stream<{ namespace: string; topic: string }>(
      'Events/Subscribe',
      { filters: topics },
      settings,
    )
    for await (const envelope of envelopes) if (envelope.namespace === namespace) tell(envelope.topic)
  }

  async function followForEver(): Promise<void> {
    while (!ended.signal.aborted) {
      let isThere = false
      try {
        await channel.call('Version/Version', {})
        isThere = true
        onChange()
        await follow()
      } catch (error) {
        if (!isFault(error) && !ended.signal.aborted) throw error
      }
      if (isThere && !ended.signal.aborted) onChange()
      await delay(pauseMs, undefined, { signal: ended.signal }).catch(() => {})
    }
  }

  void followForEver()
  return {
    [Symbol.dispose]() {
      clearTimeout(gathering)
      clearTimeout(echo)
      ended.abort()
    },
  }
}
