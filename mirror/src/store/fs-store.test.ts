import { link, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { OpenedStore } from './opened-store.conformance.ts'
import { contentStoreConformance } from './content-store.conformance.ts'
import { Fault } from '../oci/fault.ts'
import { createContentStore } from './create-content-store.ts'
import { ingestId } from './content/content-keys.ts'
import { blobOf, store as storeBlob } from './content/stored-content.conformance.ts'
import { nodeFileSystem, type FileSystem } from './file-system.ts'
import { openFsStore } from './fs-store.ts'
import { heldReadsConformance } from './held-reads.conformance.ts'
import type { ObjectStore } from './object-store.ts'
import { objectStoreConformance } from './object-store.conformance.ts'
import { chunks, text, textOf } from './stored-bytes.conformance.ts'

objectStoreConformance('the file-system store', open)
heldReadsConformance('the file-system store', open)
contentStoreConformance('content on disk', open)

async function open(): Promise<OpenedStore> {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-store-'))
  return {
    store: await openFsStore({ directory }),
    reopen: () => openFsStore({ directory }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  }
}

async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'stowage-store-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

/** The disk, but writes fail while `failure.code` is set, after the first half of what was to be written. */
function failingDisk(failure: { code?: string }): FileSystem {
  return {
    ...nodeFileSystem,
    async open(path, mode) {
      const file = await nodeFileSystem.open(path, mode)
      return {
        ...file,
        async write(data, position) {
          if (failure.code === undefined) return await file.write(data, position)
          const bytes = Buffer.concat(data)
          await file.write([bytes.subarray(0, bytes.length >> 1)], position)
          throw Object.assign(new Error(`${failure.code}: write`), { code: failure.code })
        },
      }
    },
  }
}

describe('the directory of a file-system store', () => {
  it('has the blobs where an OCI image layout has them', async () => {
    await using directory = await temporaryDirectory()
    const repository = createContentStore(await openFsStore({ directory: directory.path })).repository('a')
    const blob = blobOf('hello')
    await storeBlob(repository, blob, 'hello')
    expect(await readFile(join(directory.path, 'blobs/sha256', blob.digest.slice(7)), 'utf8')).toBe('hello')
    expect(await readFile(join(directory.path, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}')
  })

  it('is made where it is missing', async () => {
    await using directory = await temporaryDirectory()
    const store = await openFsStore({ directory: join(directory.path, 'a/b') })
    expect(await store.putIfAbsent('x', text('x'))).toBeDefined()
  })

  it('is cleared of what a killed process was about to write', async () => {
    await using directory = await temporaryDirectory()
    await mkdir(join(directory.path, '.tmp'))
    await writeFile(join(directory.path, '.tmp/half'), 'half')
    await using store = await openFsStore({ directory: directory.path })
    expect(await readdir(join(directory.path, '.tmp'))).toEqual([])
    expect(await Array.fromAsync(store.list(''))).toEqual([])
  })

  it.each(['before the store is opened', 'while it is open'])(
    'never gets bytes appended to an object whose upload was not deleted %s',
    async (when) => {
      await using directory = await temporaryDirectory()
      let store = await openFsStore({ directory: directory.path })
      await store.putIfAbsent('blob', text('whole'))
      await link(join(directory.path, 'blob'), join(directory.path, 'uploads/u'))
      if (when === 'before the store is opened') {
        store = await openFsStore({ directory: directory.path })
        expect(await Array.fromAsync(store.listUploads())).toEqual([])
      }
      await using upload = await store.openUpload('u')
      expect(upload.size).toBe(0)
      await upload.append(chunks('more'))
      expect(await textOf(await store.get('blob'))).toBe('whole')
    },
  )

  it('refuses an object below another one, and above', async () => {
    await using directory = await temporaryDirectory()
    const store = await openFsStore({ directory: directory.path })
    await store.putIfAbsent('a/b', text('x'))
    await expect(store.putIfAbsent('a/b/c', text('x'))).rejects.toMatchObject({ code: 'invalid' })
    await expect(store.putIfAbsent('a', text('x'))).rejects.toMatchObject({ code: 'invalid' })
    expect(await store.get('a')).toBeUndefined()
    expect(await store.head('a/b/c')).toBeUndefined()
    expect(await store.delete('a')).toBe(false)
  })

  it('is refused if it is a file', async () => {
    await using directory = await temporaryDirectory()
    await writeFile(join(directory.path, 'file'), '')
    await expect(openFsStore({ directory: join(directory.path, 'file') })).rejects.toMatchObject({ code: 'invalid' })
  })

  it('is not forgotten when it goes away: who writes is told', async () => {
    await using directory = await temporaryDirectory()
    const root = join(directory.path, 'mounted')
    const store = await openFsStore({ directory: root })
    await store.putIfAbsent('a/x', text('x'))
    await rm(root, { recursive: true })
    await expect(store.putIfAbsent('a/y', text('y'))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('is its disk mounted?'),
    })
  })
})

describe('a full disk', () => {
  it.each(['ENOSPC', 'EDQUOT'])('is told with the path and what to do, and leaves nothing half (%s)', async (code) => {
    await using directory = await temporaryDirectory()
    const failure: { code?: string } = {}
    const store = await openFsStore({ directory: directory.path, files: failingDisk(failure) })
    const old = await store.putIfAbsent('old', text('old'))
    failure.code = code
    const fault = { code: 'no-space', message: expect.stringMatching(/stowage-store-.*free some space/) }
    await expect(store.putIfAbsent('new', text('new'))).rejects.toMatchObject(fault)
    await expect(store.putIfMatch('old', old!.etag, text('new'))).rejects.toMatchObject(fault)
    delete failure.code
    expect(await store.head('new')).toBeUndefined()
    expect(await textOf(await store.get('old'))).toBe('old')
    expect(await readdir(join(directory.path, '.tmp'))).toEqual([])
    expect(await store.putIfAbsent('new', text('new'))).toBeDefined()
  })

  it('keeps of an upload what fitted, and lets it go on when there is room', async () => {
    await using directory = await temporaryDirectory()
    const failure: { code?: string } = {}
    const store = await openFsStore({ directory: directory.path, files: failingDisk(failure) })
    await using upload = await store.openUpload('u')
    await upload.append(chunks('0123'))
    failure.code = 'ENOSPC'
    await expect(upload.append(chunks('4567'))).rejects.toMatchObject({ code: 'no-space' })
    expect(upload.size).toBe(6)
    delete failure.code
    await upload.append(chunks('67'))
    await upload.publish('x')
    expect(await textOf(await store.get('x'))).toBe('01234567')
  })

  it('keeps room for small objects, and gives what is left to those uploads that fit', async () => {
    await using directory = await temporaryDirectory()
    let free = 1_000_000
    const files = { ...nodeFileSystem, freeBytes: () => Promise.resolve(free) }
    const store = await openFsStore({ directory: directory.path, files, reserveBytes: 100_000 })
    const repository = createContentStore(store).repository('a')
    const [small, large] = [blobOf('x'.repeat(1000)), blobOf('y'.repeat(900_001))]
    await expect(repository.ingest(large)).rejects.toMatchObject({ code: 'no-space' })
    await storeBlob(repository, small, 'x'.repeat(1000))
    free = 1_000_001
    {
      await using begun = await repository.ingest(large)
      expect(begun?.offset).toBe(0)
      await expect(repository.ingest(blobOf('z'))).rejects.toMatchObject({ code: 'no-space' })
    }
    free = 100_003
    await using upload = await store.openUpload('u')
    await upload.append(chunks('012'))
    await expect(upload.append(chunks('3456'))).rejects.toMatchObject({ code: 'no-space' })
    expect(await store.putIfAbsent('record', text('x'))).toBeDefined()
    expect(upload.size).toBe(3)
  })

  it('keeps no room for an upload that could not be looked at', async () => {
    await using directory = await temporaryDirectory()
    const files = { ...nodeFileSystem, freeBytes: () => Promise.resolve(1000) }
    const store = await openFsStore({ directory: directory.path, files, reserveBytes: 0 })
    const unlucky = blobOf('x'.repeat(900))
    let isAway = false
    const openUpload: ObjectStore['openUpload'] = async (...args) => {
      isAway = args[0] === ingestId(unlucky.digest)
      return await store.openUpload(...args)
    }
    const head: ObjectStore['head'] = async (key) => {
      if (isAway) throw new Fault('unavailable', 'the disk gives no answer')
      return await store.head(key)
    }
    const content = createContentStore({ ...store, openUpload, head })
    await expect(content.repository('a').ingest(unlucky)).rejects.toMatchObject({ code: 'unavailable' })
    isAway = false
    await using other = await content.repository('a').ingest(blobOf('y'.repeat(900)))
    expect(other?.offset).toBe(0)
  })

  it('does not lead the digest of an upload astray', async () => {
    await using directory = await temporaryDirectory()
    const failure: { code?: string } = {}
    const content = createContentStore(await openFsStore({ directory: directory.path, files: failingDisk(failure) }))
    await using upload = await content.openUpload('u')
    failure.code = 'ENOSPC'
    await expect(upload.append(chunks('0123'))).rejects.toMatchObject({ code: 'no-space' })
    delete failure.code
    await upload.append(chunks('23'))
    expect(await content.repository('a').commitUpload(upload, blobOf('0123').digest)).toMatchObject({ size: 4 })
  })

  it.each([
    ['EACCES', 'denied'],
    ['EROFS', 'unavailable'],
    ['EIO', 'unavailable'],
  ])('is one of several ways to fail that are told apart: %s is %s', async (code, expected) => {
    await using directory = await temporaryDirectory()
    const store = await openFsStore({ directory: directory.path, files: failingDisk({}) })
    const failing = await openFsStore({ directory: directory.path, files: failingDisk({ code }) })
    await expect(failing.putIfAbsent('x', text('x'))).rejects.toMatchObject({ code: expected })
    expect(await store.head('x')).toBeUndefined()
  })
})

describe('an object that is moved', () => {
  it('has the other key, and takes the place of what was there, in the version that is named only', async () => {
    await using directory = await temporaryDirectory()
    const store = await openFsStore({ directory: directory.path })
    const [{ etag }] = [(await store.putIfAbsent('a/x', text('one')))!, await store.putIfAbsent('b/c/y', text('two'))]
    // Both are in memory.
    for (const key of ['a/x', 'b/c/y']) await textOf(await store.get(key))
    expect(await store.move!('a/x', 'another', 'b/c/y')).toBe(false)
    expect(await store.move!('a/none', etag, 'b/c/y')).toBe(false)
    expect(await textOf(await store.get('b/c/y'))).toBe('two')
    expect(await store.move!('a/x', etag, 'b/c/y')).toBe(true)
    expect([await store.head('a/x'), await store.get('a/x')]).toEqual([undefined, undefined])
    expect(await textOf(await store.get('b/c/y'))).toBe('one')
  })
})

describe('an answer of a file-system store', () => {
  it('comes when what it tells of is durable, also to others than the writer', async () => {
    await using directory = await temporaryDirectory()
    const { promise: gate, resolve: go } = Promise.withResolvers<void>()
    let isGated = false
    const files: FileSystem = {
      ...nodeFileSystem,
      async syncDirectory(path) {
        if (isGated) await gate
        await nodeFileSystem.syncDirectory(path)
      },
    }
    const store = await openFsStore({ directory: directory.path, files })
    await store.putIfAbsent('a/before', text('x'))
    isGated = true
    const answered: string[] = []
    const put = store.putIfAbsent('a/x', text('x')).then(() => answered.push('put'))
    await until(async () => (await readdir(join(directory.path, 'a'))).includes('x'))
    const others = [
      store.head('a/x').then(() => answered.push('head')),
      store.get('a/x').then(() => answered.push('get')),
      store.putIfAbsent('a/x', text('y')).then(() => answered.push('lost')),
    ]
    expect(await textOf(await store.get('a/before'))).toBe('x')
    expect(answered).toEqual([])
    go()
    await Promise.all([put, ...others])
    expect(answered.toSorted()).toEqual(['get', 'head', 'lost', 'put'])
  })
})

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('waited too long')
    await new Promise((resolve) => setImmediate(resolve))
  }
}
