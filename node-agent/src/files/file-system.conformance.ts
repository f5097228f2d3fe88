import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { FileSystem } from './file-system.ts'
import { readWholeFile, writeWholeFile } from './whole-file.ts'

/** What every disk does, and every stand-in for one. `open` gives a file system and an empty directory in it. */
export function fileSystemConformance(
  name: string,
  open: () => Promise<{ readonly files: FileSystem; readonly directory: string }>,
): void {
  const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString()
  const bytesOf = (words: string): Uint8Array => Buffer.from(words)

  describe(`${name} as a file system`, () => {
    it('says undefined of what is not there, and lists nothing', async () => {
      const { files, directory } = await open()
      expect(await files.openForReading(join(directory, 'no'))).toBeUndefined()
      expect(await files.sizeOf(join(directory, 'no'))).toBeUndefined()
      expect(await files.list(join(directory, 'no'))).toEqual([])
      await files.remove(join(directory, 'no'))
    })

    it('writes where it is told, behind the end, too, and reads what is there', async () => {
      const { files, directory } = await open()
      {
        await using file = await files.openForWriting(join(directory, 'a'))
        await file.write(bytesOf('world'), 6)
        await file.write(bytesOf('hello '), 0)
        await file.sync()
        expect(await file.size()).toBe(11)
        await file.truncate(8)
      }
      expect(text(await readWholeFile(files, join(directory, 'a'), 100))).toBe('hello wo')
      await using file = await files.openForReading(join(directory, 'a'))
      const into = new Uint8Array(100)
      expect(await file?.read(into, 6)).toBe(2)
      expect(await file?.read(into, 8)).toBe(0)
    })

    it('leaves what is in a file that is opened again', async () => {
      const { files, directory } = await open()
      await writeWholeFile(files, join(directory, 'a'), bytesOf('abc'))
      await using file = await files.openForWriting(join(directory, 'a'))
      expect(await file.size()).toBe(3)
    })

    it('moves a file over another one', async () => {
      const { files, directory } = await open()
      await writeWholeFile(files, join(directory, 'a'), bytesOf('new'))
      await writeWholeFile(files, join(directory, 'b'), bytesOf('old'))
      expect(await files.rename(join(directory, 'a'), join(directory, 'b'))).toBe('renamed')
      expect(await files.list(directory)).toEqual(['b'])
      expect(text(await readWholeFile(files, join(directory, 'b'), 100))).toBe('new')
    })

    it('makes directories with their parents, again without harm', async () => {
      const { files, directory } = await open()
      const deep = join(directory, 'x/y/z')
      await files.makeDirectory(deep)
      await files.makeDirectory(deep)
      await files.syncDirectory(deep)
      expect(await files.list(deep)).toEqual([])
    })

    it('takes no more into memory than it was told', async () => {
      const { files, directory } = await open()
      await writeWholeFile(files, join(directory, 'a'), bytesOf('abc'))
      await expect(readWholeFile(files, join(directory, 'a'), 2)).rejects.toMatchObject({ code: 'invalid' })
    })
  })
}
