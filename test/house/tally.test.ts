import { describe, expect, it } from 'vitest'
import { tallyOf, type TestReport } from './tally.ts'

const file = (status: string, ...tests: string[]): TestReport['testResults'][number] => ({
  name: 'x.test.ts',
  status,
  assertionResults: tests.map((test) => ({ status: test })),
})
const report = (success: boolean, ...testResults: TestReport['testResults']): TestReport => {
  const count = (status: string) =>
    testResults.flatMap((f) => f.assertionResults).filter((t) => t.status === status).length
  return { success, numPassedTests: count('passed'), numPendingTests: count('skipped'), testResults }
}

describe('the last line of CI', () => {
  it('counts what passed', () => {
    expect(tallyOf(report(true, file('passed', 'passed', 'passed')))).toBe('2 passed, 0 failed')
  })
  it('says what was skipped', () => {
    expect(tallyOf(report(true, file('passed', 'passed', 'skipped')))).toBe('1 passed, 0 failed, 1 skipped')
  })
  it('counts what failed', () => {
    expect(tallyOf(report(false, file('failed', 'passed', 'failed', 'failed')))).toBe('1 passed, 2 failed')
  })
  it('counts a file that did not load as a failure', () => {
    expect(tallyOf(report(false, file('passed', 'passed'), file('failed')))).toBe('1 passed, 1 failed')
  })
  it('never says "0 failed" of a run that failed', () => {
    expect(tallyOf(report(false, file('passed', 'passed')))).toBe('1 passed, 1 failed')
  })
})
