import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { runAll, type Loop } from './run-all.ts'

describe('runAll', () => {
  const ended: string[] = []
  const polite: Loop = async (signal) => {
    await once(signal, 'abort')
    ended.push('polite')
  }
  const throwing: Loop = async (signal) => {
    await delay(60_000, undefined, { signal }).catch(() => signal.throwIfAborted())
  }

  it('stops the others when one fails, waits for them, and throws the failure', async () => {
    const failing: Loop = () => Promise.reject(new Error('port taken'))
    await expect(runAll([polite, throwing, failing], new AbortController().signal)).rejects.toThrow('port taken')
    expect(ended).toEqual(['polite'])
  })

  it('ends quietly when it is stopped', async () => {
    await runAll([polite, throwing], AbortSignal.timeout(1))
  })
})
