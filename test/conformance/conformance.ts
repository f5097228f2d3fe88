import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { projectDirectory } from '../harness/project-directory.ts'
import { parts } from '../harness/parts.ts'
import { bucketRuns, conformanceRuns, type ConformanceRun } from './conformance-runs.ts'
import { runSuite } from './run-suite.ts'
import { startRegistry, startReplicas, type Registry } from './start-registry.ts'

/** `npm run conformance`: what the OCI conformance suite says of `stowage mirror`. */

const missing = parts.conformance.missing()
if (missing) {
  console.error(`The suite cannot be run: ${missing}. Enable it with: ${parts.conformance.enable}`)
  process.exit(2)
}
for (const wanted of conformanceRuns) await run(wanted, (directory) => startRegistry(directory, wanted))
const noService = parts.versitygw.missing()
if (noService) console.log(`Not run over S3: ${noService}. Enable it with: ${parts.versitygw.enable}`)
else for (const wanted of bucketRuns) await run(wanted, startReplicas)

async function run(
  { title, name, version }: ConformanceRun,
  start: (directory: string) => Promise<Registry>,
): Promise<void> {
  await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-conformance-'))
  await using registry = await start(directory.path)
  const { host, login } = registry
  const reports = path.join(projectDirectory, '.cache/conformance', name)
  const { passed, failed, skipped, disabled, complaints } = await runSuite({ host, version, login, reports })
  for (const complaint of complaints) console.error(complaint)
  console.log(
    `distribution-spec ${title}: ${passed} passed, ${failed} failed, ${skipped} skipped, ${disabled} disabled`,
  )
  console.log(`  report: ${path.join(reports, 'report.html')}`)
  if (failed + skipped > 0) process.exitCode = 1
}
