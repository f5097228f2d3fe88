import { describe, expect, it } from 'vitest'
import type { FaultReport, ImageReport } from '@stowage/mirror/edge/report'
import { aLine, aRecord, aReport } from '../testing/world.ts'
import { acceptReport } from './accept-report.ts'

const other = '6f0dd1c5-8a1f-4a3c-9ab2-6ac0c3c5a002'
const fault = (code: FaultReport['code']): FaultReport => ({ code, message: code, attempts: 1, retryInMs: 1000 })

describe('a report', () => {
  const old = aRecord(aReport('n', { counter: 5 }), 1000)

  it.each([
    ['of a new node is taken', undefined, aReport('n'), 0, 'accepted'],
    ['with a higher counter is taken', old, aReport('n', { counter: 6 }), 2000, 'accepted'],
    ['that arrives late is dropped', old, aReport('n', { counter: 4 }), 2000, 'late'],
    ['of an agent that counts anew is taken once it is overdue', old, aReport('n', { counter: 1 }), 61_001, 'accepted'],
    ['that arrives twice is dropped', old, aReport('n', { counter: 5 }), 2000, 'late'],
    [
      'of another instance is refused while the first one is alive',
      old,
      aReport('n', { instance: other }),
      61_000,
      'clone',
    ],
    [
      'of another instance is taken once the first one is overdue',
      old,
      aReport('n', { instance: other }),
      61_001,
      'accepted',
    ],
  ])('%s', (_, before, report, now, kind) => {
    expect(acceptReport(before, report, now).kind).toBe(kind)
  })

  it('says to a clone whose name it is and what to do', () => {
    const verdict = acceptReport(old, aReport('n', { instance: other }), 31_000)
    expect(verdict).toMatchObject({ message: expect.stringMatching(/node n is taken.*--node.*in 30 s/) as string })
  })

  it('is no news while only bytes move', () => {
    const images = [aLine('x', 'v1', { state: 'fetching', bytesHere: 1 })]
    const before = aRecord(aReport('n', { images }))
    const after = (line: Partial<ImageReport>, more = {}) => {
      const report = aReport('n', { counter: 2, images: [aLine('x', 'v1', { state: 'fetching', ...line })], ...more })
      return acceptReport(before, report, 1)
    }
    expect(after({ bytesHere: 50 }, { bytesPerSecond: 9, bytesReceived: 50 })).toMatchObject({ isNews: false })
    expect(after({ state: 'present' })).toMatchObject({ isNews: true })
    expect(after({}, { labels: { tier: 'x' } })).toMatchObject({ isNews: true })
    expect(after({}, { acknowledged: null })).toMatchObject({ isNews: true })
  })

  it.each<[string, Partial<ImageReport>[], boolean]>([
    ['stays while it is tried again', [{ state: 'waiting', fault: fault('corrupt') }, { state: 'fetching' }], true],
    ['ends with success', [{ state: 'waiting', fault: fault('corrupt') }, { state: 'present' }], false],
    [
      'ends with another version',
      [
        { state: 'waiting', fault: fault('corrupt') },
        { state: 'fetching', digest: aLine('x', 'v2').digest },
      ],
      false,
    ],
    ['is not what a cut link is', [{ state: 'waiting', fault: fault('unavailable') }], false],
    [
      'is not forgotten over a cut link',
      [
        { state: 'waiting', fault: fault('no-space') },
        { state: 'waiting', fault: fault('unavailable') },
      ],
      true,
    ],
  ])('tells of a failure that %s', (_, lines, isFailed) => {
    let record = aRecord(aReport('n', { counter: 0 }))
    for (const [index, line] of lines.entries()) {
      record = aRecord(aReport('n', { counter: index + 1, images: [aLine('x', 'v1', line)] }), 0, record)
    }
    expect('x' in record.failures).toBe(isFailed)
  })

  it('begins without the failures of another instance', () => {
    const failed = aRecord(aReport('n', { images: [aLine('x', 'v1', { state: 'waiting', fault: fault('corrupt') })] }))
    const taken = aRecord(
      aReport('n', { instance: other, images: [aLine('x', 'v1', { state: 'fetching' })] }),
      1e9,
      failed,
    )
    expect(taken.failures).toEqual({})
  })
})
