import { mkdtempDisposable, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { finished } from 'node:stream/promises'
import { describe, expect, it } from 'vitest'
import { openOutput } from './output-file.ts'

describe('openOutput', () => {
  it('refuses a directory before anything is written', async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'stowage-output-'))
    const opening = openOutput(directory.path, { stdout: new PassThrough() as unknown as NodeJS.WriteStream })
    await expect(opening).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining('is a directory') as string,
    })
    expect(await readdir(directory.path)).toEqual([])
  })

  it('puts a file in the place of another when all of it is there', async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), 'stowage-output-'))
    const path = join(directory.path, 'shop.tar')
    await using output = await openOutput(path, { stdout: new PassThrough() as unknown as NodeJS.WriteStream })
    output.stream.end('bytes')
    await finished(output.stream)
    expect(await readdir(directory.path)).toEqual(['shop.tar.partial'])
    await output.keep()
    expect(await readFile(path, 'utf8')).toBe('bytes')
  })
})
