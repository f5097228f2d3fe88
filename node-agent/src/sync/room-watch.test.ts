import { describe, expect, it } from 'vitest'
import type { FaultCode } from '@stowage/mirror/oci/fault'
import type { Attempt } from '../state/attempts.ts'
import { createRoomWatch } from './room-watch.ts'

const failed = (subject: string, code: FaultCode = 'no-space'): Attempt => ({
  subject,
  tries: 1,
  delayMs: 1,
  retryAt: 1,
  code,
  message: code,
})

function watchOf(...attempts: readonly Attempt[]) {
  const known = new Map(attempts.map((attempt) => [attempt.subject, attempt]))
  const running = new Set<string>()
  const hurried: string[] = []
  let freeBytes = 0
  const watch = createRoomWatch({
    attemptOf: (subject) => known.get(subject),
    waitMs: (subject) => (known.has(subject) ? 1000 : 0),
    isRunning: (subject) => running.has(subject),
    hurry: (subject) => {
      known.delete(subject)
      hurried.push(subject)
    },
  })
  return {
    known,
    running,
    look: (...lacking: readonly string[]): string[] => {
      watch.look(['a', 'b'], { lacksRoom: (subject) => lacking.includes(subject), freeBytes })
      return hurried.splice(0)
    },
    setFree: (mebibytes: number) => (freeBytes = mebibytes * 1024 * 1024),
  }
}

describe('what failed on a full disk', () => {
  it('is tried again as soon as there is room, each by what it needs', () => {
    const { look } = watchOf(failed('a'), failed('b'))
    expect(look('a', 'b')).toEqual([])
    expect(look('a', 'b')).toEqual([])
    expect(look('b')).toEqual(['a'])
    expect(look()).toEqual(['b'])
  })

  it('waits for its time if there seemed to be room', () => {
    const { look, known } = watchOf()
    expect(look()).toEqual([])
    known.set('a', failed('a'))
    expect([look(), look()]).toEqual([[], []])
  })

  it('is tried again when there is clearly more room than ever before, though there had seemed to be enough', () => {
    const { look, known, setFree } = watchOf()
    setFree(50)
    expect(look()).toEqual([])
    known.set('a', failed('a'))
    expect(look()).toEqual([])
    setFree(60)
    expect(look()).toEqual([])
    setFree(70)
    expect(look()).toEqual(['a'])
    // It failed again, and what it had taken was given back.
    known.set('a', failed('a'))
    setFree(1)
    expect(look()).toEqual([])
    setFree(70)
    expect(look()).toEqual([])
    setFree(500)
    expect(look()).toEqual(['a'])
  })

  it('is tried once by a process that did not see how full the disk was', () => {
    const { look, known } = watchOf(failed('a'))
    expect(look()).toEqual(['a'])
    known.set('a', failed('a'))
    expect(look()).toEqual([])
  })

  it('is not hurried while it is tried, nor anything that failed for another reason', () => {
    const { look, running } = watchOf(failed('a'), failed('b', 'unavailable'))
    expect(look('a', 'b')).toEqual([])
    running.add('a')
    expect(look()).toEqual([])
  })
})
