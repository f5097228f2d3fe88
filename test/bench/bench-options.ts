import { parseArgs } from 'node:util'
import type { ReportFormat } from './report/render-report.ts'
import type { BenchSize } from './scenario.ts'

/** What a run was asked to do. */
export interface BenchOptions {
  readonly isHelp: boolean
  /** Of scenarios; none means all that can be run here. */
  readonly names: readonly string[]
  readonly rounds: number | undefined
  readonly format: ReportFormat
  readonly size: BenchSize
}

/** Bad flags: shown as one sentence, without a trace. */
export class UsageError extends Error {}

export const usage = `usage: npm run --silent bench -- [NAME...] [options]

Compares stowage with docker-registry, skopeo, nginx and the pulls of containerd, side by side in one run, and prints
ratios.

  --rounds N                   how often each contender is measured (default: 3 to 7, as the scenario has it)
  -o text|markdown|json        how the result is printed on standard output (default: text)
  --size full|small            small: a few seconds, to see that it runs; the figures mean nothing
  --help                       this text

It needs about 5 GB in the temporary directory (TMPDIR) while it runs; let the machine do nothing else.`

/**
 * Reads the command line of the benchmarks.
 * @throws UsageError
 */
export function parseBenchOptions(args: readonly string[], known: readonly string[]): BenchOptions {
  const { values, positionals } = readFlags(args)
  const { help, rounds, output, size } = values
  const unknown = positionals.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new UsageError(`there is no scenario "${unknown}"; there are ${known.join(', ')}`)
  if (rounds !== undefined && !/^[1-9]\d{0,2}$/.test(rounds))
    throw new UsageError(`--rounds is a number from 1 on, not "${rounds}"`)
  if (!isFormat(output)) throw new UsageError(`-o is text, markdown or json, not "${output}"`)
  if (size !== 'full' && size !== 'small') throw new UsageError(`--size is full or small, not "${size}"`)
  return {
    isHelp: help,
    names: [...new Set(positionals)],
    rounds: rounds === undefined ? undefined : Number(rounds),
    format: output,
    size,
  }
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        rounds: { type: 'string' },
        output: { type: 'string', short: 'o', default: 'text' },
        size: { type: 'string', default: 'full' },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error })
  }
}

function isFormat(text: string): text is ReportFormat {
  return ['text', 'markdown', 'json'].includes(text)
}
