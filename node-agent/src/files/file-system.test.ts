import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { createMemoryFileSystem } from '@stowage/mirror/store/crash-model/memory-file-system'
import { fileSystemConformance } from './file-system.conformance.ts'
import { createFileSystem } from './create-file-system.ts'

const made: string[] = []
async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-files-'))
  made.push(directory)
  return directory
}
afterAll(() => Promise.all(made.map((directory) => rm(directory, { recursive: true }))))

fileSystemConformance('the disk of this machine', async () => ({
  files: createFileSystem(),
  directory: await newDirectory(),
}))

fileSystemConformance('a disk in memory', async () => ({
  files: createFileSystem(createMemoryFileSystem()),
  directory: '/',
}))

describe('a failure of the disk', () => {
  it.skipIf(!existsSync('/dev/full'))('is a lack of space where it is full', async () => {
    await using file = await createFileSystem().openForWriting('/dev/full')
    await expect(file.write(Buffer.from('x'), 0)).rejects.toMatchObject({ code: 'no-space' })
  })

  it('is said in words where a file stands in the way of a directory', async () => {
    const directory = await newDirectory()
    await writeFile(join(directory, 'file'), '')
    await expect(createFileSystem().makeDirectory(join(directory, 'file/parts'))).rejects.toMatchObject({
      code: 'invalid',
    })
  })
})
