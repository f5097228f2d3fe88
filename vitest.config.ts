import { defineConfig } from 'vitest/config'

const rooms = ['mirror', 'controller', 'node-agent', 'cli']

// The rooms import each other through the "source" condition of their package exports: nothing is built to be tested.
const resolve = { conditions: ['source', 'node', 'import', 'module', 'default'] }
const ssr = { resolve: { conditions: resolve.conditions } }

export default defineConfig({
  test: {
    projects: [
      {
        resolve,
        ssr,
        test: { name: 'unit', environment: 'node', include: rooms.map((room) => `${room}/src/**/*.test.ts`) },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'journeys',
          environment: 'node',
          include: ['test/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
