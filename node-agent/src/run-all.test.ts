import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { runAll } from './run-all.ts'

describe('runAll', () => {
  it('stops the others when one fails, waits for them, and throws the failure', async () => {
    const ended: string[] = []
    const polite = async (signal: AbortSignal): Promise<void> => {
      await once(signal, 'abort')
      await Promise.resolve()
      ended.push('polite')
    }
    const failing = (): Promise<void> => Promise.reject(new Error('port taken'))
    await expect(runAll([polite, failing], new AbortController().signal)).rejects.toThrow('port taken')
    expect(ended).toEqual(['polite'])
  })

  it('ends when the signal fires and all have ended', async () => {
    const stop = new AbortController()
    const running = runAll([async (signal) => void (await once(signal, 'abort'))], stop.signal)
    stop.abort()
    await running
  })
})
