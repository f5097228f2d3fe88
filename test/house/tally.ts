import { readFile } from 'node:fs/promises'
import { z } from 'zod'

/** What we read of the report that vitest's json reporter writes. */
const reportSchema = z.object({
  success: z.boolean(),
  numPassedTests: z.int(),
  numPendingTests: z.int(),
  testResults: z.array(
    z.object({ name: z.string(), status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) }),
  ),
})

export type TestReport = z.infer<typeof reportSchema>

/** The plain line of a test run. A file that failed without a failed test (it did not load) counts as one failure. */
export function tallyOf({ numPassedTests, numPendingTests, testResults, success }: TestReport): string {
  const failures = testResults.reduce((sum, { status, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed').length
    return sum + (status === 'failed' ? Math.max(failed, 1) : failed)
  }, 0)
  const failed = success ? failures : Math.max(failures, 1)
  return `${numPassedTests} passed, ${failed} failed${numPendingTests > 0 ? `, ${numPendingTests} skipped` : ''}`
}

if (import.meta.main) {
  const [file] = process.argv.slice(2)
  if (!file) throw new Error('usage: node test/house/tally.ts REPORT.json')
  const report = reportSchema.parse(JSON.parse(await readFile(file, 'utf8')))
  console.log(tallyOf(report))
  process.exitCode = report.success ? 0 : 1
}
