import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { nodeFileSystem } from '../file-system.ts'
import { openFsStore } from '../fs-store.ts'
import { writeDisk, type Disk, type DiskFile } from './disk.ts'
import { createRecorder } from './recorder.ts'
import { survivePowerCuts } from './survive-power-cuts.ts'

async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'stowage-disk-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

it('writes what a power cut leaves into a real directory, with two names of one file', async () => {
  await using directory = await temporaryDirectory()
  const file = { bytes: Buffer.from('x') }
  const disk: Disk = new Map<string, DiskFile | 'directory'>([
    ['/r', 'directory'],
    ['/r/d', 'directory'],
    ['/r/d/a', file],
    ['/r/b', file],
  ])
  await writeDisk(disk, { root: '/r', to: join(directory.path, 'copy') })
  expect(await readdir(join(directory.path, 'copy'))).toEqual(['b', 'd'])
  expect(await readFile(join(directory.path, 'copy/d/a'), 'utf8')).toBe('x')
  expect((await stat(join(directory.path, 'copy/b'))).nlink).toBe(2)
})

it('records a real disk as it records one in memory', async () => {
  await using directory = await temporaryDirectory()
  const root = join(directory.path, 'recorded')
  const recorder = createRecorder(nodeFileSystem)
  await nodeFileSystem.makeDirectory(root)
  const store = await openFsStore({ directory: root, files: recorder.process().files })
  const from = recorder.operations.length
  await store.putIfAbsent('a/b', Buffer.from('hello'))
  recorder.note('put')
  let copies = 0
  const checked = await survivePowerCuts({
    operations: recorder.operations,
    root,
    from,
    samples: 0,
    check: async (disk, notes) => {
      const to = join(directory.path, `copy-${++copies}`)
      await writeDisk(disk, { root, to })
      const again = await openFsStore({ directory: to })
      const object = await again.get('a/b')
      const text = object && Buffer.concat(await Array.fromAsync(object.bytes)).toString()
      expect(text).toBe(notes.includes('put') ? 'hello' : text && 'hello')
    },
  })
  expect(checked).toBeGreaterThan(10)
})
