import { describe, expect, it } from 'vitest'
import type { FileSystem } from '../file-system.ts'
import { createMemoryFileSystem } from '../crash-model/memory-file-system.ts'
import { createDirectories, makeRoot } from './directories.ts'

/** A file system that lists its syncs and lets each through only when told. */
function gatedSyncs(inner: FileSystem) {
  const syncs: string[] = []
  const waiting: Array<(error?: Error) => void> = []
  const files: FileSystem = {
    ...inner,
    syncDirectory(path) {
      syncs.push(path)
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      waiting.push((error) => (error ? reject(error) : resolve()))
      return promise
    },
  }
  return { files, syncs, letThrough: (error?: Error) => waiting.shift()?.(error) }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function noting(inner: FileSystem, calls: string[]): FileSystem {
  return {
    ...inner,
    makeDirectory: (path) => inner.makeDirectory(path).then(() => void calls.push(`make ${path}`)),
    syncDirectory: (path) => inner.syncDirectory(path).then(() => void calls.push(`sync ${path}`)),
  }
}

describe('directories', () => {
  it('are made with all above them, each synced into its parent before the next', async () => {
    const calls: string[] = []
    const directories = createDirectories(noting(createMemoryFileSystem(), calls), '/')
    await directories.ensure('/a/b')
    expect(calls).toEqual(['sync /', 'make /a', 'sync /', 'make /a/b', 'sync /a'])
    await directories.ensure('/a/b')
    await directories.ensure('/a')
    expect(calls).toHaveLength(5)
  })

  it('that are there already are synced once, for names that a killed process may have left', async () => {
    const inner = createMemoryFileSystem()
    await inner.makeDirectory('/a')
    const calls: string[] = []
    const directories = createDirectories(noting(inner, calls), '/')
    await Promise.all([directories.ensure('/a'), directories.ensure('/a')])
    expect(calls).toEqual(['sync /', 'sync /a'])
  })

  it('are tried again after a failure', async () => {
    let failures = 1
    const inner = createMemoryFileSystem()
    const files: FileSystem = {
      ...inner,
      makeDirectory: (path) => (failures-- > 0 ? Promise.reject(new Error('full')) : inner.makeDirectory(path)),
    }
    const directories = createDirectories(files, '/')
    await expect(directories.ensure('/a')).rejects.toThrow('full')
    await directories.ensure('/a')
    expect((await inner.stat('/a')).isDirectory).toBe(true)
  })

  it('are synced once for all who ask while a sync runs, and that one begins after they asked', async () => {
    const { files, syncs, letThrough } = gatedSyncs(createMemoryFileSystem())
    const directories = createDirectories(files, '/')
    let done = 0
    const ask = (): Promise<void> => directories.sync('/').then(() => void done++)
    const first = ask()
    await settled()
    const others = [ask(), ask(), ask()]
    await settled()
    expect(syncs).toHaveLength(1)
    letThrough()
    await first
    await settled()
    expect([syncs.length, done]).toEqual([2, 1])
    letThrough()
    await Promise.all(others)
    expect(syncs).toHaveLength(2)
  })

  it('tell of a failed sync those who asked for it, not those who asked later', async () => {
    const { files, letThrough } = gatedSyncs(createMemoryFileSystem())
    const directories = createDirectories(files, '/')
    const first = directories.sync('/')
    await settled()
    const second = directories.sync('/')
    letThrough(new Error('i/o error'))
    await expect(first).rejects.toThrow('i/o error')
    await settled()
    letThrough()
    await second
  })
})

describe('the root', () => {
  it('is made with what is missing above it', async () => {
    const files = createMemoryFileSystem()
    await makeRoot(files, '/var/lib/stowage')
    await makeRoot(files, '/var/lib/stowage')
    expect((await files.stat('/var/lib/stowage')).isDirectory).toBe(true)
  })
})
