import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openTokenFile } from './token-file.ts'

const log = pino({ level: 'silent' })
const [one, two] = ['1'.repeat(32), '2'.repeat(32)]
let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stowage-token-'))
  path = join(directory, 'token')
})
afterEach(() => rm(directory, { recursive: true }))

describe('a token file', () => {
  it('is read again when it is another one, and stays in force while it cannot be read', async () => {
    let now = 0
    await writeFile(path, `${one}\n`)
    const file = await openTokenFile({ flag: '--x', path, log, monotonicNow: () => now })
    await writeFile(path, `${two}\n\n${one}`)
    expect(await file.tokens()).toEqual([one])
    now += 1000
    expect(await file.tokens()).toEqual([two, one])
    await rm(path)
    now += 1000
    expect(await file.tokens()).toEqual([two, one])
    await writeFile(path, 'short')
    now += 1000
    expect(await file.tokens()).toEqual([two, one])
  })

  it.each(['', '\n', 'short', `${one}\nshort`, `${one} ${two}`, 'ü'.repeat(32)])(
    'is refused with %j in it, without repeating that',
    async (text) => {
      await writeFile(path, text)
      const opened = openTokenFile({ flag: '--x', path, log })
      await expect(opened).rejects.toMatchObject({
        code: 'invalid',
        message: expect.stringMatching(/^--x \S+: each line must be a token of at least 24 characters/) as string,
      })
    },
  )
})
