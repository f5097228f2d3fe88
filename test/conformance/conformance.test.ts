import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { startMirror } from '../clients/start-mirror.ts'
import { requirePart } from '../harness/require-part.ts'
import { conformanceRuns, openDoor } from './conformance-runs.ts'
import { countsIn, runSuite } from './run-suite.ts'

requirePart('conformance')('the OCI conformance suite', () => {
  it.each(conformanceRuns)('finds nothing to complain of or to skip $title', async ({ version, door }) => {
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-conformance-'))
    const { flags, login } = await openDoor(directory.path, door)
    await using mirror = await startMirror(directory.path, '--allow-sparse', ...flags)
    const reports = path.join(directory.path, 'reports')
    const result = await runSuite({ host: mirror.host, version, login, reports })
    expect(result).toMatchObject({ failed: 0, skipped: 0, complaints: [] })
    expect(result.passed).toBeGreaterThan(850)
  })

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
