import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { startMirror } from '../clients/start-mirror.ts'
import { requirePart } from '../harness/require-part.ts'
import { bucketRuns, conformanceRuns, type ConformanceRun } from './conformance-runs.ts'
import { countsIn, runSuite } from './run-suite.ts'
import { startRegistry, startReplicas, type Registry } from './start-registry.ts'

requirePart('conformance')('the OCI conformance suite', () => {
  it.each(conformanceRuns)('finds nothing to complain of or to skip $title', (run) =>
    expectConformity(run, (directory) => startRegistry(directory, run)),
  )

  it('finds fault with a mirror that takes no sparse images', async () => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-conformance-'))
    await using mirror = await startMirror(directory.path)
    const reports = path.join(directory.path, 'reports')
    const { failed, complaints } = await runSuite({ host: mirror.host, version: 'dev', reports })
    expect(failed).toBeGreaterThan(0)
    expect(complaints.join('\n')).toContain('sparse')
  })
})

it('is not taken for passed when the suite says nothing', () => {
  expect(countsIn('panic: no route to host')).toBeUndefined()
})

requirePart('conformance', 'versitygw')('the OCI conformance suite, over S3', () => {
  it.each(bucketRuns)('finds nothing to complain of or to skip $title', (run) => expectConformity(run, startReplicas))
})

async function expectConformity(
  { version }: ConformanceRun,
  start: (directory: string) => Promise<Registry>,
): Promise<void> {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-conformance-'))
  await using registry = await start(directory.path)
  const { host, login } = registry
  const result = await runSuite({ host, login, version, reports: path.join(directory.path, 'reports') })
  expect(result).toMatchObject({ failed: 0, skipped: 0, complaints: [] })
  expect(result.passed).toBeGreaterThan(850)
}
