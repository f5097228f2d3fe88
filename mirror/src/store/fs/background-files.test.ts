import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { nodeFileSystem } from '../file-system.ts'
import { createBackgroundFiles } from './background-files.ts'
import { listFiles } from './list-files.ts'

/** A directory with files of many sizes in three folders, and one large one. */
async function openScene(options?: Parameters<typeof createBackgroundFiles>[1]) {
  await using stack = new AsyncDisposableStack()
  const root = await mkdtemp(path.join(tmpdir(), 'stowage-background-'))
  stack.defer(() => rm(root, { recursive: true }))
  for (const folder of ['a', 'b', 'c']) {
    await mkdir(path.join(root, folder))
    for (let n = 0; n < 50; n++) await writeFile(path.join(root, folder, `${n}`), `${folder}${n}`.repeat(n))
  }
  await writeFile(path.join(root, 'b/large'), Buffer.alloc(100_000))
  const files = stack.use(createBackgroundFiles(root, options))
  const resources = stack.move()
  return { root, files, [Symbol.asyncDispose]: () => resources.disposeAsync() }
}

/** How nice each thread of this process is (proc_pid_stat(5), field 19). */
async function priorities(): Promise<number[]> {
  const threads = await readdir('/proc/self/task')
  const stats = await Promise.all(threads.map((thread) => readFile(`/proc/self/task/${thread}/stat`, 'utf8')))
  return stats.map((stat) => Number(stat.slice(stat.lastIndexOf(')')).split(' ')[17]))
}

describe('files that are read in the background', () => {
  it.each([
    { prefix: '', after: '' },
    { prefix: '', after: '', bringUpTo: 64 },
    { prefix: 'b/', after: 'b/20', bringUpTo: 1024 },
    { prefix: 'x/', after: '' },
  ])('are listed as in the foreground: %o', async (asked) => {
    await using scene = await openScene()
    const { root, files } = scene
    const listed = await Array.fromAsync(files.list(asked))
    expect(listed).toEqual(await Array.fromAsync(listFiles(nodeFileSystem, { root, ...asked })))
    const brought = listed.filter(({ bytes }) => bytes)
    expect(brought.length).toBe(listed.filter(({ facts }) => facts.size <= (asked.bringUpTo ?? -1)).length)
  })

  it('are listed several times at once, by those who look at all of them and who leave', async () => {
    await using scene = await openScene()
    const readers = Array.from({ length: 6 }, async (_, n) => {
      let seen = 0
      for await (const { key } of scene.files.list({ prefix: 'c/', after: '' })) {
        expect(key.startsWith('c/')).toBe(true)
        if (++seen === 10 * n + 1) break
      }
      return seen
    })
    expect(await Promise.all(readers)).toEqual([1, 11, 21, 31, 41, 50])
  })

  it('come with their bytes if they are there and small', async () => {
    await using scene = await openScene()
    const keys = ['a/1', 'b/49', 'b/large', 'c/nothing', 'c', 'a/0']
    const read = await Promise.all(keys.map(async (key) => (await scene.files.read(key))?.bytes?.toString()))
    expect(read).toEqual(['a1', 'b49'.repeat(49), undefined, undefined, undefined, ''])
  })

  it('leave a processor to all others, and no thread behind', async () => {
    await using scene = await openScene({ idleMs: 50 })
    const before = (await readdir('/proc/self/task')).length
    for (const _ of [1, 2]) {
      expect((await scene.files.read('a/1'))?.bytes?.toString()).toBe('a1')
      expect(await priorities()).toContain(10)
      await vi.waitFor(async () => expect((await readdir('/proc/self/task')).length).toBe(before), 10_000)
    }
  })

  it('keep their thread while somebody is in the middle of them', async () => {
    await using scene = await openScene({ idleMs: 1 })
    const keys: string[] = []
    for await (const { key } of scene.files.list({ prefix: '', after: '' })) {
      keys.push(key)
      if (keys.length % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(keys).toHaveLength(151)
  })

  it('are listed without a thread from where it was ended', async () => {
    await using scene = await openScene()
    const asked = { prefix: '', after: '', bringUpTo: 64 }
    const list = scene.files.list(asked)
    const first = await list.next()
    await scene.files[Symbol.asyncDispose]()
    const listed = [first.value, ...(await Array.fromAsync(list))]
    expect(listed).toEqual(await Array.fromAsync(listFiles(nodeFileSystem, { root: scene.root, ...asked })))
    expect(await scene.files.read('a/1')).toBeUndefined()
  })

  it('are not listed outside of their directory', async () => {
    await using scene = await openScene()
    const list = scene.files.list({ prefix: '../', after: '' })
    await expect(list.next()).rejects.toMatchObject({ code: 'invalid' })
  })
})
