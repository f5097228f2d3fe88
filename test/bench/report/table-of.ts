import type { Measured } from '../scenario.ts'
import { advantageOver, median } from './figures.ts'

/**
 * A table for people: a row for each measure with the medians of all contenders and, for each but the first, how many times
 * better the first one is: the median of the ratios of all rounds, and their range. The first line holds the headings.
 */
export function tableOf(measured: readonly Measured[]): string[][] {
  const [first, ...others] = [...new Set(measured.flatMap(({ figures }) => [...figures.keys()]))]
  const headings = others.flatMap((name) => [name, 'ratio'])
  const rows = measured.map((row) => [
    row.what,
    medianOf(row, first),
    ...others.flatMap((name) => [medianOf(row, name), ratioOf(row, name)]),
  ])
  return [['median of all rounds', first ?? '', ...headings], ...rows]
}

function medianOf({ figures, unit }: Measured, name: string | undefined): string {
  const values = figures.get(name ?? '')
  return values ? `${formatNumber(median(values))} ${unit}` : ''
}

function ratioOf(measured: Measured, name: string): string {
  const advantage = advantageOver(name, measured)
  if (!advantage) return ''
  const { median: middle, least, most } = advantage
  return `${formatNumber(middle)}× (${formatNumber(least)}–${formatNumber(most)})`
}

/** Three digits say all that such a figure knows. */
function formatNumber(value: number): string {
  const rounded = Number(value.toPrecision(3))
  const digits = Math.min(3, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded) || 1))))
  return rounded.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}
