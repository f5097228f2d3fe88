import { formatTable } from 'stowage/print/table'
import type { MachineFacts } from '../machine/describe-machine.ts'
import { advantageOver, median } from './figures.ts'
import type { BenchReport, ScenarioReport } from './bench-report.ts'
import { tableOf } from './table-of.ts'

/** How a report is printed. */
export type ReportFormat = 'text' | 'markdown' | 'json'

export function renderReport(report: BenchReport, format: ReportFormat): string {
  return { text: renderText, markdown: renderMarkdown, json: renderJson }[format](report)
}

function renderText(report: BenchReport): string {
  const sections = report.scenarios.map(
    (scenario) =>
      `${scenario.name}: ${scenario.what}\n${roundsOf(scenario)}\n\n${textTable(tableOf(scenario.measured))}`,
  )
  return [whereAndWhen(report), ratioMeaning, ...sections, ...skippedOf(report)].join('\n\n')
}

/** As prettier would write it, so that it can be pasted into a document of this project. */
function renderMarkdown(report: BenchReport): string {
  const sections = report.scenarios.map(
    (scenario) =>
      `### ${scenario.name}\n\n${capital(scenario.what)}. ${roundsOf(scenario)}\n\n${markdownTable(tableOf(scenario.measured))}`,
  )
  return [whereAndWhen(report), ratioMeaning, ...sections, ...skippedOf(report)].join('\n\n')
}

function renderJson({ scenarios, ...report }: BenchReport): string {
  const withFigures = scenarios.map(({ measured, ...scenario }) => ({
    ...scenario,
    measured: measured.map((row) => ({
      ...row,
      figures: Object.fromEntries(
        [...row.figures].map(([name, figures]) => [
          name,
          { figures, median: median(figures), ratio: advantageOver(name, row) },
        ]),
      ),
    })),
  }))
  return JSON.stringify({ ...report, scenarios: withFigures }, undefined, 2)
}

const ratioMeaning =
  'Ratios say how many times better stowage is in the same round (below 1: worse): their median, and their range.'

function whereAndWhen({ takenAt, machine, arePinned }: BenchReport): string {
  const pinned = arePinned
    ? 'in manifests and blobs, servers have one core and who loads them another'
    : 'nothing pinned to cores'
  return `${takenAt.slice(0, 10)}, ${machineLine(machine)}; ${pinned}.`
}

function machineLine({ cpu, cores, memoryGiB, system, kernel, fileSystem, programs }: MachineFacts): string {
  const versions = Object.entries(programs).map(([program, version]) => `${program} ${version}`)
  return `${cores} cores of ${cpu}, ${memoryGiB} GiB, ${system}, Linux ${kernel}, ${fileSystem}; ${versions.join(', ')}`
}

function roundsOf({ rounds, loadBefore }: ScenarioReport): string {
  return `${rounds} rounds; load average at the start ${loadBefore.toFixed(1)}.`
}

function skippedOf({ skipped }: BenchReport): string[] {
  return skipped.map(({ name, reason }) => `${name}: skipped: ${reason}`)
}

function textTable([headings = [], ...rows]: string[][]): string {
  return formatTable(
    headings.map((heading, at) => ({ heading: heading.toUpperCase(), value: (row: string[]) => row[at] ?? '' })),
    rows,
  ).trimEnd()
}

function markdownTable(lines: string[][]): string {
  const widths = (lines[0] ?? []).map((_, at) => Math.max(3, ...lines.map((line) => line[at]?.length ?? 0)))
  const rendered = lines.map((line) => `| ${line.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`)
  return [rendered[0], `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rendered.slice(1)].join('\n')
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}
