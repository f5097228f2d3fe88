import { parseBenchOptions, usage, UsageError } from './bench-options.ts'
import { renderReport } from './report/render-report.ts'
import { runScenarios } from './run-scenarios.ts'
import type { Scenario } from './scenario.ts'
import { agentMemory } from './scenarios/agent-memory.ts'
import { blobs } from './scenarios/blobs.ts'
import { containerd, containerd2 } from './scenarios/containerd.ts'
import { copy } from './scenarios/copy.ts'
import { kubeScale } from './scenarios/kube-scale.ts'
import { manifests } from './scenarios/manifests.ts'
import { manyBlobs } from './scenarios/many-blobs.ts'
import { memory } from './scenarios/memory.ts'
import { pullThrough } from './scenarios/pull-through.ts'
import { push } from './scenarios/push.ts'
import { readers } from './scenarios/readers.ts'

const all: readonly Scenario[] = [
  copy,
  manifests,
  blobs,
  readers,
  push,
  pullThrough,
  manyBlobs,
  memory,
  agentMemory,
  containerd,
  containerd2,
  kubeScale,
]
const stop = new AbortController()
// Never taken off: npm hands on the Ctrl-C that the terminal has sent already, and cleaning up must not be cut short.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => stop.abort())

try {
  const { isHelp, names, format, ...options } = parseBenchOptions(
    process.argv.slice(2),
    all.map(({ name }) => name),
  )
  if (isHelp) console.log(usage)
  else {
    const scenarios = names.length === 0 ? all : all.filter(({ name }) => names.includes(name))
    const report = await runScenarios({ ...options, scenarios, signal: stop.signal, say: console.error })
    console.log(renderReport(report, format))
    // Who names a scenario wants it.
    if (names.length > 0 && report.skipped.length > 0) process.exitCode = 1
  }
} catch (error) {
  console.error(
    error instanceof UsageError ? `${error.message}\n\n${usage}` : stop.signal.aborted ? 'interrupted' : error,
  )
  process.exitCode = error instanceof UsageError ? 2 : stop.signal.aborted ? 130 : 1
}
