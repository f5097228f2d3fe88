import type { MachineFacts } from '../machine/describe-machine.ts'
import type { Measured, Scenario } from '../scenario.ts'

/** All that came of a run. */
export interface BenchReport {
  /** ISO 8601. */
  readonly takenAt: string
  readonly machine: MachineFacts
  readonly arePinned: boolean
  readonly scenarios: readonly ScenarioReport[]
  /** What was left out, and why. */
  readonly skipped: readonly { readonly name: string; readonly reason: string }[]
}

export interface ScenarioReport extends Pick<Scenario, 'name' | 'what'> {
  readonly rounds: number
  /** Load average of one minute: above the number of cores, others were at work too. */
  readonly loadBefore: number
  readonly measured: readonly Measured[]
}
