import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { createSkippedPartsReporter } from './test/harness/skipped-parts-reporter.ts'

// The rooms import each other through the "source" condition of their package exports: nothing is built to be tested.
const resolve = { conditions: ['source', 'node', 'import', 'module', 'default'] }

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
          // A limit against hanging, not against a slow machine.
          testTimeout: 60_000,
          hookTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        resolve,
        ssr: { resolve },
        test: {
          name: 'journeys',
          include: ['test/**/*.test.ts'],
          globalSetup: ['test/harness/check-required-parts.ts'],
          // For the programs that are started: most of what a short one costs is reading its sources.
          env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('.cache/compile', import.meta.url)) },
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
