import { expect, it } from 'vitest'
import { nodeFileSystem, type ReadableFiles } from '../file-system.ts'
import { listFiles } from './list-files.ts'

function missing(path: string): ReadableFiles {
  const list = async (): Promise<never> => {
    throw Object.assign(new Error(`ENOENT: no such file or directory, '${path}'`), { code: 'ENOENT', path })
  }
  return { ...nodeFileSystem, list }
}

const asked = { root: '/store', prefix: 'a/', after: '' }

it('takes a directory that is not there for an empty one', async () => {
  expect(await Array.fromAsync(listFiles(missing('/store/a'), asked))).toEqual([])
})

it('never takes one for empty of which an entry went while it was read', async () => {
  const found = Array.fromAsync(listFiles(missing('/store/a/b'), asked))
  await expect(found).rejects.toMatchObject({ code: 'unavailable' })
})
