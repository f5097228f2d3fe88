import { execa } from 'execa'
import type { Bench } from '../scenario.ts'

/** What wrk counted. */
export interface WrkResult {
  readonly requests: number
  readonly requestsPerSecond: number
}

export interface RunWrkOptions {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Asks for one URL again and again, on one thread.
 * @throws Error if an answer was not 2xx or a connection failed: then it was not what was to be measured
 */
export async function runWrk(
  { url, connections, seconds, headers = {} }: RunWrkOptions,
  { cores, signal }: Pick<Bench, 'cores' | 'signal'>,
): Promise<WrkResult> {
  const named = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const [command, ...args] = [
    ...cores.load,
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--timeout=30s',
    ...named,
    url,
  ]
  const { stdout } = await execa(command, args, { cancelSignal: signal })
  return parseWrk(stdout)
}

/** Reads the report of wrk. @throws Error as `runWrk` */
export function parseWrk(report: string): WrkResult {
  const trouble = /^ *(?:Non-2xx.*|Socket errors.*)$/m.exec(report)?.[0]
  if (trouble !== undefined) throw new Error(`wrk met trouble: ${trouble.trim()}`)
  const [, requests] = /^ *(\d+) requests in /m.exec(report) ?? []
  const [, perSecond] = /^Requests\/sec: +([\d.]+)$/m.exec(report) ?? []
  if (requests === undefined || perSecond === undefined) throw new Error(`wrk said something else: ${report}`)
  return { requests: Number(requests), requestsPerSecond: Number(perSecond) }
}
