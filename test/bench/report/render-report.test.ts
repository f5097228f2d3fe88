import { describe, expect, it } from 'vitest'
import type { BenchReport } from './bench-report.ts'
import { renderReport } from './render-report.ts'

const report: BenchReport = {
  takenAt: '2026-11-23T12:00:00.000Z',
  machine: {
    cpu: 'Some CPU',
    cores: 2,
    memoryGiB: 24,
    system: 'Debian',
    kernel: '6.1',
    fileSystem: 'ext4',
    programs: { node: '24.0.0', wrk: '4.1' },
  },
  arePinned: true,
  scenarios: [
    {
      name: 'copy',
      what: 'copy of a thing',
      rounds: 3,
      loadBefore: 0.25,
      measured: [
        {
          what: 'rate',
          unit: 'requests/s',
          better: 'more',
          figures: new Map([
            ['stowage', [41_234, 42_345, 40_000]],
            ['other', [1999, 2000, 2001]],
          ]),
        },
        { what: 'memory', unit: 'MiB', better: 'less', figures: new Map([['stowage', [99.96, 0.0512, 100]]]) },
      ],
    },
  ],
  skipped: [{ name: 'blobs', reason: 'no nginx' }],
}

describe('a report', () => {
  it('is Markdown with tables as prettier writes them', () => {
    expect(renderReport(report, 'markdown')).toMatchInlineSnapshot(`
      "2026-11-23, 2 cores of Some CPU, 24 GiB, Debian, Linux 6.1, ext4; node 24.0.0, wrk 4.1; in manifests and blobs, servers have one core and who loads them another.

      Ratios say how many times better stowage is in the same round (below 1: worse): their median, and their range.

      ### copy

      Copy of a thing. 3 rounds; load average at the start 0.3.

      | median of all rounds | stowage           | other            | ratio             |
      | -------------------- | ----------------- | ---------------- | ----------------- |
      | rate                 | 41,200 requests/s | 2,000 requests/s | 20.6× (20.0–21.2) |
      | memory               | 100 MiB           |                  |                   |

      blobs: skipped: no nginx"
    `)
  })

  it('is text for a terminal', () => {
    const text = renderReport(report, 'text')
    expect(text).toContain('RATIO')
    expect(text).toContain('blobs: skipped: no nginx')
  })

  it('is JSON with every figure', () => {
    const { scenarios } = JSON.parse(renderReport(report, 'json')) as { scenarios: { measured: unknown[] }[] }
    expect(scenarios[0]?.measured[0]).toMatchObject({
      what: 'rate',
      figures: {
        stowage: { figures: [41_234, 42_345, 40_000], median: 41_234 },
        other: { ratio: { least: 40_000 / 2001 } },
      },
    })
  })
})
