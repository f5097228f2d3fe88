import type { Programs } from '../../harness/programs.ts'
import type { Installation } from '../installation.ts'
import type { Cores } from '../machine/cores.ts'

/** A registry that takes part, on loopback. */
export interface Registry {
  readonly name: string
  /** Without a slash at its end. */
  readonly url: string
  readonly pid: number
}

export interface StartOptions {
  /** What is started through it ends with it. */
  readonly programs: Programs
  readonly stowage: Installation
  readonly cores: Cores
}
