import { describe, expect, it } from 'vitest'
import type { FileSystem, OpenFile } from '../file-system.ts'
import { createMemoryFileSystem } from './memory-file-system.ts'
import { createRecorder } from './recorder.ts'
import { survivePowerCuts } from './survive-power-cuts.ts'

/** What may lie under `name` after each of many power cuts at the end of this work; files as text, nothing as `-`. */
async function remains(name: string, work: (files: FileSystem) => Promise<void>): Promise<string[]> {
  const recorder = createRecorder(createMemoryFileSystem())
  await work(recorder.process().files)
  const found = new Set<string>()
  await survivePowerCuts({
    operations: recorder.operations,
    root: '/',
    from: recorder.operations.length,
    samples: 200,
    seed: 1,
    check: async (disk) => {
      const entry = disk.get(name)
      found.add(entry === undefined ? '-' : entry === 'directory' ? '/' : Buffer.from(entry.bytes).toString())
    },
  })
  return [...found].toSorted()
}

async function write(file: OpenFile, ...texts: string[]): Promise<void> {
  for (const text of texts) await file.write([Buffer.from(text)], (await file.stat()).size)
}

describe('a power cut', () => {
  it('may take a new file, its bytes, some of them, or nothing', async () => {
    const found = await remains('/a', async (files) => write(await files.open('/a', 'create'), 'xyz'))
    expect(found).toEqual(['', '-', 'x', 'xy', 'xyz', '\0\0\0'].toSorted())
  })

  it('may keep a later write without an earlier one', async () => {
    const found = await remains('/a', async (files) => {
      const file = await files.open('/a', 'create')
      await files.syncDirectory('/')
      await write(file, 'x', 'y')
    })
    expect(found).toContain('\0y')
    expect(found).not.toContain('-')
  })

  it('leaves what was synced', async () => {
    const found = await remains('/a', async (files) => {
      const file = await files.open('/a', 'create')
      await write(file, 'x', 'y')
      await file.sync()
      await files.syncDirectory('/')
    })
    expect(found).toEqual(['xy'])
  })

  it('leaves the bytes but not the name of a file whose directory was not synced', async () => {
    const found = await remains('/a', async (files) => {
      const file = await files.open('/a', 'create')
      await write(file, 'xy')
      await file.sync()
    })
    expect(found).toEqual(['-', 'xy'])
  })

  it('takes what is in a directory with its name', async () => {
    const found = await remains('/d/a', async (files) => {
      await files.makeDirectory('/d')
      await (await files.open('/d/a', 'create')).sync()
      await files.syncDirectory('/d')
    })
    expect(found).toEqual(['', '-'])
  })

  it('brings the old or the new file under a name that was renamed to, whole', async () => {
    const found = await remains('/a', async (files) => {
      await write(await files.open('/a', 'create'), 'old')
      await files.syncDirectory('/')
      const file = await files.open('/b', 'create')
      await write(file, 'new')
      await file.sync()
      await files.rename('/b', '/a')
    })
    expect(found).toContain('new')
    expect(found).toContain('old')
    expect(found).not.toContain('-')
  })

  it('may bring back a deleted name, as a name of the same file', async () => {
    const recorder = createRecorder(createMemoryFileSystem())
    const { files } = recorder.process()
    await files.open('/a', 'create')
    await files.link('/a', '/b')
    await files.syncDirectory('/')
    await files.unlink('/a')
    const twins = new Set<boolean>()
    const check = async (disk: ReadonlyMap<string, unknown>): Promise<void> => {
      twins.add(disk.get('/a') === disk.get('/b'))
    }
    await survivePowerCuts({ operations: recorder.operations, root: '/', from: 4, seed: 1, check })
    expect(twins).toEqual(new Set([true, false]))
  })

  it('does not lose both names of a file that moves to another directory', async () => {
    const recorder = createRecorder(createMemoryFileSystem())
    const { files } = recorder.process()
    await files.makeDirectory('/d')
    await files.open('/a', 'create')
    await files.syncDirectory('/')
    await files.rename('/a', '/d/a')
    const before = recorder.operations.length
    await files.syncDirectory('/')
    await survivePowerCuts({
      operations: recorder.operations,
      root: '/',
      from: before,
      check: async (disk) => expect(disk.has('/a') || disk.has('/d/a')).toBe(true),
    })
  })

  it('is described by the operation, what was not durable, and the seed', async () => {
    const recorder = createRecorder(createMemoryFileSystem())
    await recorder.process().files.makeDirectory('/d')
    recorder.note('made')
    const check = async (disk: ReadonlyMap<string, unknown>, notes: readonly string[]): Promise<void> => {
      if (notes.includes('made') && !disk.has('/d')) throw new Error('/d is gone')
    }
    const survival = survivePowerCuts({ operations: recorder.operations, root: '/', seed: 7, check })
    await expect(survival).rejects.toThrow(
      'a power cut after operation 2, note  does harm (seed 7); not durable by then:\n  lost: name /d (operation 1)',
    )
  })
})

describe('a killed process', () => {
  it('does nothing more and hears nothing more', async () => {
    const inner = createMemoryFileSystem()
    const recorder = createRecorder(inner)
    const { files, killed } = recorder.process({ killAfter: 1 })
    let answered = false
    await files.makeDirectory('/a')
    void files.makeDirectory('/b').finally(() => (answered = true))
    await killed
    expect((await inner.list('/')).map(({ name }) => name)).toEqual(['a'])
    await recorder.process().files.makeDirectory('/c')
    expect(answered).toBe(false)
    expect(recorder.operations).toHaveLength(2)
  })
})
