import { mkdir, mkdtempDisposable, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { makeOnce } from './make-once.ts'

const temporary = () => mkdtempDisposable(path.join(tmpdir(), 'stowage-once-'))
const writing = (text: string) => (directory: string) => writeFile(path.join(directory, 'text'), text)

it('makes a directory the first time', async () => {
  await using parent = await temporary()
  const directory = path.join(parent.path, 'cache', 'made')
  await makeOnce(directory, writing('first'))
  await makeOnce(directory, writing('second'))
  expect(await readFile(path.join(directory, 'text'), 'utf8')).toBe('first')
})

it('leaves nothing when it fails, and says why', async () => {
  await using parent = await temporary()
  const directory = path.join(parent.path, 'made')
  await expect(makeOnce(directory, () => Promise.reject(new Error('no luck')))).rejects.toThrow('no luck')
  expect(await readdir(parent.path)).toEqual([])
})

it('takes what another process made meanwhile', async () => {
  await using parent = await temporary()
  const directory = path.join(parent.path, 'made')
  await makeOnce(directory, async (unfinished) => {
    await mkdir(directory)
    await writing('theirs')(directory)
    await writing('ours')(unfinished)
  })
  expect(await readFile(path.join(directory, 'text'), 'utf8')).toBe('theirs')
  expect(await readdir(parent.path)).toEqual(['made'])
})

it('sweeps what killed processes left half made, and nothing of living ones', async () => {
  await using parent = await temporary()
  const [dead, alive] = ['a.of-4194305', `b.of-${process.ppid}`] as const // The first is above the kernel's highest pid.
  for (const name of [dead, alive]) await mkdir(path.join(parent.path, name))
  await makeOnce(path.join(parent.path, 'made'), writing('x'))
  expect((await readdir(parent.path)).toSorted()).toEqual([alive, 'made'])
})
