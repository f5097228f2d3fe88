import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { createSkippedPartsReporter } from './test/harness/skipped-parts-reporter.ts'

// The rooms import each other through the "source" condition of their package exports: nothing is built to be tested.
const resolve = { conditions: ['source', 'node', 'import', 'default'] }

/** Measure what crosses a link, keep all of a machine busy, or use parts of which there is one: nothing runs beside them. */
const alone = [
  'test/{demo,images,link,net,runtimes}/**/*.test.ts',
  'test/harness/{cluster,containerd}/**/*.test.ts',
  'test/clients/{containerd,pull-through}.test.ts',
  'test/journeys/{containerd,kubernetes}-*.test.ts',
  'test/journeys/{cut-links,transfer}.test.ts',
]

/** A limit against hanging, not against a slow machine, which vitest's own second is. */
const expect = { poll: { timeout: 30_000 } }

/** What journeys have in common. */
const journey = {
  expect,
  globalSetup: ['test/harness/check-required-parts.ts'],
  // For the programs that are started: most of what a short one costs is reading its sources.
  env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('.cache/compile', import.meta.url)) },
  testTimeout: 300_000,
  hookTimeout: 120_000,
}

/** CI asks for the runner's own report, to count from it. */
const jsonReport = process.env['STOWAGE_TEST_REPORT']

export default defineConfig({
  test: {
    reporters: [
      'default',
      createSkippedPartsReporter(console.log),
      ...(jsonReport ? [['json', { outputFile: jsonReport }] satisfies [string, object]] : []),
    ],
    projects: [
      {
        resolve,
        ssr: { resolve },
        test: {
          name: 'unit',
          include: ['{mirror,controller,node-agent,cli}/src/**/*.test.ts', 'build/**/*.test.ts'],
          maxWorkers: '100%',
          expect,
          // A limit against hanging too.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve,
        ssr: { resolve },
        test: {
          ...journey,
          name: 'journeys',
          include: ['test/**/*.test.ts'],
          exclude: alone,
          // They mostly wait.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        resolve,
        ssr: { resolve },
        test: { ...journey, name: 'alone', include: alone, fileParallelism: false, sequence: { groupOrder: 2 } },
      },
    ],
  },
})
