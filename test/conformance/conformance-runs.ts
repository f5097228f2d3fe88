import type { SpecVersion } from './run-suite.ts'

/** How a mirror is entered: by anybody, or with a password for a token, or with a password in each request. */
export type Door = 'open' | 'bearer' | 'basic'

/** One run of the suite. */
export interface ConformanceRun {
  readonly title: string
  /** What its report is called. */
  readonly name: string
  readonly version: SpecVersion
  readonly door: Door
}

/** Of one mirror over a directory. */
export const conformanceRuns: readonly ConformanceRun[] = [
  { title: 'for version 1.1', name: '1.1-open', version: '1.1', door: 'open' },
  { title: 'for version dev', name: 'dev-open', version: 'dev', door: 'open' },
  { title: 'for version 1.1, with a password', name: '1.1-basic', version: '1.1', door: 'basic' },
  { title: 'for version dev, with tokens', name: 'dev-bearer', version: 'dev', door: 'bearer' },
]

/** Of two mirrors over one bucket. */
export const bucketRuns: readonly ConformanceRun[] = [
  { title: 'for version 1.1, two mirrors over a bucket', name: '1.1-bucket', version: '1.1', door: 'open' },
  { title: 'for version dev, two mirrors over a bucket', name: 'dev-bucket', version: 'dev', door: 'open' },
]
