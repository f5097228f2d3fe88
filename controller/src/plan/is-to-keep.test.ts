import type { ImageReport, Report } from '@stowage/mirror/edge/report'
import { describe, expect, it } from 'vitest'
import { aLine, aRecord, aReport } from '../testing/world.ts'
import { isToKeep } from './is-to-keep.ts'

const fault = { code: 'corrupt', message: 'm', attempts: 1, retryInMs: 1 } as const
const recordOf = (images: ImageReport[], more: Partial<Report> = {}) => aRecord(aReport('n', { images, ...more }))
const at = (state: ImageReport['state'], version = 'v1'): ImageReport => aLine('x', version, { state })

describe('what a node said last', () => {
  it.each<[string, boolean, ImageReport[], ImageReport[]]>([
    ['that a copy came', true, [at('fetching')], [at('present')]],
    ['that another copy came', true, [at('present')], [at('present', 'v2')]],
    ['that a copy was lost', true, [at('present')], [at('waiting')]],
    ['that a copy goes', true, [at('present')], [at('removing')]],
    ['that a copy failed', true, [at('fetching')], [{ ...at('waiting'), fault }]],
    ['that a copy did not fail for good', true, [{ ...at('waiting'), fault }], [at('present')]],
    ['how far a copy is', false, [at('waiting')], [at('fetching')]],
    ['that another version is on its way', false, [at('present')], [at('fetching', 'v2')]],
    ['that a copy is not wanted any more', false, [at('present')], []],
    ['nothing new', false, [at('present')], [at('present')]],
  ])('%s: to be kept is %s', (_, expected, before, now) => {
    expect(isToKeep(recordOf(before), recordOf(now, { counter: 2 }))).toBe(expected)
  })

  it('is kept the first time, when something of the node itself is new, and when it is heard of again', () => {
    const record = recordOf([])
    expect(isToKeep(undefined, record)).toBe(true)
    expect(isToKeep(record, recordOf([], { trouble: 'disk full' }))).toBe(true)
    expect(isToKeep({ ...record, isOverdue: true }, record)).toBe(true)
  })

  it('is not kept because it has read an assignment: it says so again', () => {
    expect(isToKeep(recordOf([]), recordOf([], { acknowledged: { epoch: 'e', sequence: 9 } }))).toBe(false)
  })
})
