import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { parts } from '../harness/parts.ts'
import { installStowage } from './installation.ts'
import { findCores } from './machine/cores.ts'
import { describeMachine } from './machine/describe-machine.ts'
import type { BenchReport, ScenarioReport } from './report/bench-report.ts'
import type { Bench, Scenario } from './scenario.ts'

export interface RunScenariosOptions extends Pick<Bench, 'size' | 'signal' | 'say'> {
  readonly scenarios: readonly Scenario[]
  readonly rounds: number | undefined
}

/** Runs scenarios one after the other, in a directory of their own that is gone afterwards. */
export async function runScenarios({
  scenarios,
  rounds,
  size,
  signal,
  say,
}: RunScenariosOptions): Promise<BenchReport> {
  const directory = await mkdtemp(path.join(tmpdir(), 'stowage-bench-'))
  const [reports, skipped]: [ScenarioReport[], { name: string; reason: string }[]] = [[], []]
  try {
    say('building stowage')
    await using stowage = await installStowage()
    const cores = await findCores()
    for (const scenario of scenarios) {
      const { name } = scenario
      const reason = whyNot(scenario)
      if (reason !== undefined) {
        say(`${name}: skipped: ${reason}`)
        skipped.push({ name, reason })
        continue
      }
      const place = path.join(directory, name)
      const told = (text: string): void => say(`${name}: ${text}`)
      const bench = { directory: place, rounds: rounds ?? scenario.rounds, size, stowage, cores, signal, say: told }
      reports.push(await runScenario(scenario, bench))
    }
    const machine = await describeMachine(directory)
    return { takenAt: new Date().toISOString(), machine, arePinned: cores.arePinned, scenarios: reports, skipped }
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function runScenario(scenario: Scenario, bench: Bench): Promise<ScenarioReport> {
  const { name, what } = scenario
  const [loadBefore = 0] = loadavg()
  await mkdir(bench.directory)
  const measured = await scenario.run(bench)
  await rm(bench.directory, { recursive: true, force: true })
  return { name, what, rounds: bench.rounds, loadBefore, measured }
}

function whyNot({ parts: names }: Scenario): string | undefined {
  const part = names.map((name) => parts[name]).find(({ missing }) => missing() !== undefined)
  return part && `${part.missing()}; enable with: ${part.enable}`
}
