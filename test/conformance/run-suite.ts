import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { toolDirectory } from '../tools/tool-directory.ts'

/** Which version of the distribution-spec is asked for: 1.1, or what its main branch adds. */
export const specVersions = ['1.1', 'dev'] as const
export type SpecVersion = (typeof specVersions)[number]

export interface SuiteOptions {
  /** `HOST:PORT` of a registry without TLS. */
  readonly host: string
  readonly version: SpecVersion
  readonly login?: { readonly name: string; readonly password: string } | undefined
  /** Is created; gets the suite's own report: `report.html`, `junit.xml` and `results.yaml`. */
  readonly reports: string
}

/** How many checks there were, and what became of them, as the suite counts. */
export interface SuiteResult {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** Checks of what this version of the spec does not ask for. */
  readonly disabled: number
  /** What went wrong, in the suite's words. */
  readonly complaints: readonly string[]
}

/** The program that runs the suite: of `OCI_CONFORMANCE`, or our own; needs `requirePart('conformance')`. */
function suiteProgram(): string {
  return process.env['OCI_CONFORMANCE'] ?? path.join(toolDirectory('conformance'), 'conformance')
}

/**
 * Runs the conformance suite of the OCI distribution-spec (its second generation) against a registry, sparse manifests
 * and sha512 included.
 * @throws Error if the suite does not come to its end
 */
export async function runSuite({ host, version, login, reports }: SuiteOptions): Promise<SuiteResult> {
  const env = {
    OCI_REGISTRY: host,
    OCI_TLS: 'disabled',
    OCI_VERSION: version,
    OCI_REPO1: `conformance/${version}/one`,
    OCI_REPO2: `conformance/${version}/two`,
    OCI_DATA_SPARSE: 'true',
    OCI_RESULTS_DIR: reports,
    ...(login ? { OCI_USERNAME: login.name, OCI_PASSWORD: login.password } : {}),
  }
  await mkdir(reports, { recursive: true })
  const { all, exitCode } = await execa(suiteProgram(), { env, all: true, reject: false })
  const counts = countsIn(all)
  if (!counts) throw new Error(`the suite did not come to its end (exit code ${exitCode}):\n${all}`)
  const result = { ...counts, complaints: all.split('\n').filter((line) => line.includes('msg="failed test"')) }
  if (exitCode !== 0 && result.failed === 0) throw new Error(`the suite ended with ${exitCode}:\n${all}`)
  return result
}

/** Reads `Pass.....: 854` and its neighbours, which the suite prints at its end. */
export function countsIn(output: string): Omit<SuiteResult, 'complaints'> | undefined {
  const [, table] = output.split('OCI Conformance Result: ')
  const count = (name: string): number => Number(new RegExp(`^ *${name}\\.+: +(\\d+)$`, 'im').exec(table ?? '')?.[1])
  const counts = {
    passed: count('Pass'),
    failed: count('FAIL') + count('Error'),
    skipped: count('Skip'),
    disabled: count('Disabled'),
  }
  return Object.values(counts).some(Number.isNaN) ? undefined : counts
}
