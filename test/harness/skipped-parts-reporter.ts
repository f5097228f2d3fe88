import type { Reporter, TestCase, TestModule } from 'vitest/node'
import type { MissingPart } from './require-part.ts'

/** Ends a run with what was not tried: per missing part, and by name for tests skipped in any other way. */
export function createSkippedPartsReporter(write: (line: string) => void): Reporter {
  return {
    onTestRunEnd: (modules) => {
      for (const line of skippedLines(modules)) write(line)
    },
  }
}

function skippedLines(modules: readonly TestModule[]): string[] {
  const skipped = modules.flatMap((module) => [...module.children.allTests('skipped')])
  const byPart = Map.groupBy(skipped, (test) => missingPartOf(test)?.part)
  return [...byPart].flatMap(([, tests]) => {
    const [first] = tests
    const missing = first && missingPartOf(first)
    return missing ? [partLine(missing, tests.length)] : tests.filter(isSkippedOnPurpose).map(unexplainedLine)
  })
}

function missingPartOf(test: TestCase): MissingPart | undefined {
  return test.meta().missingPart
}

// `vitest -t NAME` marks as skipped whatever it was not asked for.
function isSkippedOnPurpose(test: TestCase): boolean {
  return test.project.globalConfig.testNamePattern === undefined
}

function partLine({ part, reason, enable }: MissingPart, count: number): string {
  return `skipped: ${part}: ${count} ${count === 1 ? 'test' : 'tests'}: ${reason}; enable with: ${enable}`
}

function unexplainedLine(test: TestCase): string {
  const result = test.result()
  const note = result.state === 'skipped' ? result.note : undefined
  return `skipped: ${test.module.relativeModuleId}: ${test.fullName}: ${note ?? 'no reason given'}`
}
