import { pino } from 'pino'
import { expect, it } from 'vitest'
import { warnOfFullDisk } from './warn-of-full-disk.ts'

const reserve = 32 * 1024 * 1024

it.each([
  [reserve, [{ directory: '/srv/x', freeBytes: reserve, msg: expect.stringMatching(/more than 32 MiB/) }]],
  [reserve + 1, []],
])('with %i bytes free a disk is told of that takes no content', async (free, expected) => {
  const lines: unknown[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  await warnOfFullDisk('/srv/x', { files: { freeBytes: async () => free }, log })
  expect(lines).toMatchObject(expected)
})
