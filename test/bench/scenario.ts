import type { PartName } from '../harness/parts.ts'
import type { Installation } from './installation.ts'
import type { Cores } from './machine/cores.ts'

/** Something that is counted. */
export interface Measure {
  /** As a row of a table says it. */
  readonly what: string
  readonly unit: string
  readonly better: 'more' | 'less'
}

/** A measure, and what each contender came to in every round; the first contender is ours. */
export interface Measured extends Measure {
  readonly figures: ReadonlyMap<string, readonly number[]>
}

/** `small` proves in seconds that a scenario works; its figures mean nothing. */
export type BenchSize = 'full' | 'small'

/** What a scenario is given to run in. */
export interface Bench {
  /** Empty, and removed afterwards. */
  readonly directory: string
  readonly rounds: number
  readonly size: BenchSize
  readonly stowage: Installation
  readonly cores: Cores
  readonly signal: AbortSignal
  /** Tells whoever waits how far it is. */
  readonly say: (text: string) => void
}

/** One comparison, made side by side in one run. */
export interface Scenario {
  readonly name: string
  /** One sentence for people. */
  readonly what: string
  readonly parts: readonly PartName[]
  /** Unless `--rounds` says otherwise. */
  readonly rounds: number
  run(bench: Bench): Promise<Measured[]>
}
