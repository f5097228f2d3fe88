import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { centreMetrics, mirrorMetrics } from 'stowage/metrics/all-metrics'
import { openMetrics } from 'stowage/metrics/open-metrics'
import { describe, expect, it } from 'vitest'
import { projectDirectory } from '../harness/project-directory.ts'

const text = await readFile(path.join(projectDirectory, 'docs/metrics.md'), 'utf8')

function rowsBelow(heading: string): string[] {
  const [, section = ''] = text.split(`## ${heading}\n`)
  const rows = section.split('\n## ', 1)[0]!.matchAll(/^\| `(stowage_\w+)` +\| (\w+) +\| (.*?) *\|/gm)
  return Array.from(rows, ([, name, type, labels]) => `${name} ${type} ${labels}`).toSorted()
}

const ofMirror = new Set(mirrorMetrics)
const lines = (metrics: typeof centreMetrics): string[] =>
  metrics.map(({ name, type, labels }) => `${name} ${type} ${labels.join(', ')}`).toSorted()

describe('docs/metrics.md', () => {
  it('names every metric, with its type and its labels, and no other', () => {
    expect(rowsBelow('What a mirror tells, and a centre too')).toEqual(lines(mirrorMetrics))
    expect(rowsBelow('What a centre tells')).toEqual(lines(centreMetrics.filter((metric) => !ofMirror.has(metric))))
  })

  it('speaks of no metric elsewhere that is not there', async () => {
    const known = await openMetrics({ metrics: centreMetrics }).text()
    const said = [...text.matchAll(/\b(?:stowage|process|nodejs)_[a-z_]+\b/g)].map(([name]) => name)
    expect(said.filter((name) => !known.includes(`# TYPE ${name} `))).toEqual([])
  })

  it.each(centreMetrics.map((metric) => [metric.name, metric] as const))(
    '%s is named as Prometheus advises',
    (name, { type, help, labels }) => {
      expect(name).toMatch(/^stowage_[a-z][a-z_]*[a-z]$/)
      expect(name.endsWith('_total')).toBe(type === 'counter')
      expect(name).not.toMatch(/_(?:ms|milliseconds|kb|mb|count|bucket|sum)(?:_|$)/)
      expect(help).toMatch(/^[A-Z0-9].*\.$/)
      expect(labels.filter((label) => !/^[a-z_]+$/.test(label) || ['node', 'image', 'le'].includes(label))).toEqual([])
    },
  )
})
