import { Fault } from '@stowage/mirror/oci/fault'
import type { ObjectStore } from '@stowage/mirror/store/object-store'
import { pino } from 'pino'
import { expect, it, vi } from 'vitest'
import { sweepLeftovers } from './sweep-leftovers.ts'

it.each([
  ['says what it deleted', () => Promise.resolve({ objects: 2, bytes: 5 }), /"objects":2,"bytes":5.*deleted/],
  ['outlives a service that is away', () => Promise.reject(new Fault('unavailable', 'away')), /not deleted/],
])('%s', async (_, sweep, words) => {
  const lines: string[] = []
  const log = pino({}, { write: (line: string) => void lines.push(line) })
  const stop = new AbortController()
  const swept = vi.fn<NonNullable<ObjectStore['sweep']>>(sweep)
  const running = sweepLeftovers({ sweep: swept }, { log, signal: stop.signal, firstAfterMs: 1 })
  await expect.poll(() => lines.join('')).toMatch(words)
  expect(swept).toHaveBeenCalledOnce()
  stop.abort()
  await running
})

it('has nothing to do where nothing can be left', async () => {
  await sweepLeftovers({}, { log: pino({ level: 'silent' }), signal: new AbortController().signal })
})
