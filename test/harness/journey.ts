import { glob, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFailed, type TestContext } from 'vitest'

/** A directory of one test. If the test fails, it ends with the last lines of all logs that lay there. */
export interface Journey extends AsyncDisposable {
  readonly directory: string
  /** A path in it. */
  at(...names: string[]): string
}

const lastLines = 40
const longestLine = 500

/**
 * To be called in a test, and disposed of at its end, after the programs in it.
 * @param test must be given where several tests run at the same time
 */
export async function openJourney(test: Pick<TestContext, 'onTestFailed'> = { onTestFailed }): Promise<Journey> {
  const directory = await mkdtemp(path.join(tmpdir(), 'stowage-journey-'))
  const story: string[] = []
  test.onTestFailed(() => console.error(story.join('\n')))
  return {
    directory,
    at: (...names) => path.join(directory, ...names),
    async [Symbol.asyncDispose]() {
      for await (const file of glob('**/*.log', { cwd: directory })) {
        const lines = (await readFile(path.join(directory, file), 'utf8')).trimEnd().split('\n')
        story.push(`--- the end of ${file}:`, ...lines.slice(-lastLines).map((line) => line.slice(0, longestLine)))
      }
      await rm(directory, { recursive: true, force: true })
    },
  }
}
