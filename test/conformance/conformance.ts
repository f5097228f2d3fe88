import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startMirror } from '../clients/start-mirror.ts'
import { projectDirectory } from '../harness/project-directory.ts'
import { parts } from '../harness/parts.ts'
import { conformanceRuns, openDoor, type ConformanceRun } from './conformance-runs.ts'
import { runSuite } from './run-suite.ts'

/** `npm run conformance`: what the OCI conformance suite says of `stowage mirror`. */

const missing = parts.conformance.missing()
if (missing) {
  console.error(`The suite cannot be run: ${missing}. Enable it with: ${parts.conformance.enable}`)
  process.exit(2)
}
for (const wanted of conformanceRuns) await run(wanted)

async function run({ title, version, door }: ConformanceRun): Promise<void> {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-conformance-'))
  const { flags, login } = await openDoor(directory.path, door)
  await using mirror = await startMirror(directory.path, '--allow-sparse', ...flags)
  const reports = path.join(projectDirectory, '.cache/conformance', `${version}-${door}`)
  const { passed, failed, skipped, disabled, complaints } = await runSuite({
    host: mirror.host,
    version,
    login,
    reports,
  })
  for (const complaint of complaints) console.error(complaint)
  console.log(
    `distribution-spec ${title}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${disabled} disabled`,
  )
  console.log(`  report: ${path.join(reports, 'report.html')}`)
  if (failed + skipped > 0) process.exitCode = 1
}
