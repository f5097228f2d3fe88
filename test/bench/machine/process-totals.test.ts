import { mkdtempDisposable, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseChildSeconds, parseWrittenBytes, totalsOf } from './process-totals.ts'

describe('totals of a process', () => {
  it('read the processor time of children', () => {
    const stat = '7 (a) b (c)) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 300 100 20 0 11 0 100 1000 200'
    expect(parseChildSeconds(stat)).toBe(4)
  })

  it('read what was written', () => {
    expect(parseWrittenBytes('rchar: 1\nwchar: 2\nwrite_bytes: 4096\ncancelled_write_bytes: 8192\n')).toBe(4096)
  })

  it('are those of a process that runs', async () => {
    const before = await totalsOf(process.pid)
    await using directory = await mkdtempDisposable(path.join(tmpdir(), 'stowage-totals-'))
    await using file = await open(path.join(directory.path, 'file'), 'w')
    await file.write(Buffer.alloc(1_000_000))
    await file.datasync()
    const { cpuSeconds, writtenBytes, peak } = await totalsOf(process.pid)
    expect(cpuSeconds).toBeGreaterThan(0)
    expect(writtenBytes).toBeGreaterThanOrEqual(before.writtenBytes)
    expect(peak).toBeGreaterThan(1_000_000)
  })
})
