import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { SpecVersion } from './run-suite.ts'

/** How a mirror is entered: by anybody, or with a password for a token, or with a password in each request. */
export type Door = 'open' | 'bearer' | 'basic'

/** One run of the suite. */
export interface ConformanceRun {
  readonly title: string
  readonly version: SpecVersion
  readonly door: Door
}

export const conformanceRuns: readonly ConformanceRun[] = [
  { title: 'for version 1.1', version: '1.1', door: 'open' },
  { title: 'for version dev', version: 'dev', door: 'open' },
  { title: 'for version 1.1, with a password', version: '1.1', door: 'basic' },
  { title: 'for version dev, with tokens', version: 'dev', door: 'bearer' },
]

/** `htpasswd -nbB conformance 'a password'` */
const user = 'conformance:$2y$10$nIba7db3HYvhSBh.6wXal.Hj7pgrwdQ2c5yNhh7HGALBRe1QHEFoW'
const login = { name: 'conformance', password: 'a password' }

export interface OpenedDoor {
  /** For `stowage mirror`. */
  readonly flags: readonly string[]
  readonly login: typeof login | undefined
}

/** Writes what a mirror needs to know of its users. */
export async function openDoor(directory: string, door: Door): Promise<OpenedDoor> {
  if (door === 'open') return { flags: [], login: undefined }
  const file = path.join(directory, 'htpasswd')
  await writeFile(file, user)
  return { flags: ['--htpasswd-file', file, '--challenge', door], login }
}
