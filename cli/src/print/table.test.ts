import { expect, it } from 'vitest'
import { formatTable } from './table.ts'

it('pads to the widest cell and lets nothing through that a terminal would obey', () => {
  const columns = [
    { heading: 'NAME', value: (row: string[]) => row[0] ?? '' },
    { heading: 'STATUS', value: (row: string[]) => row[1] ?? '' },
  ]
  expect(
    formatTable(columns, [
      ['edge-1', 'ok'],
      ['e', 'a\u001b[2J\nb'],
    ]),
  ).toBe('NAME     STATUS\nedge-1   ok\ne        a [2J b\n')
  expect(formatTable(columns, [])).toBe('NAME   STATUS\n')
})

it('has no limit for its rows', () => {
  const rows = Array.from({ length: 200_000 }, () => 'edge')
  expect(formatTable([{ heading: 'NAME', value: (row: string) => row }], rows)).toHaveLength(5 * 200_001)
})
