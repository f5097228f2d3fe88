import { describe, expect, it } from 'vitest'
import { createMemoryFileSystem } from '../crash-model/memory-file-system.ts'
import type { FileSystem } from '../file-system.ts'
import { openFsStore } from '../fs-store.ts'
import type { Upload } from '../object-store.ts'
import { chunks, textOf } from '../stored-bytes.conformance.ts'

/** A disk on which the next call of each of these verbs fails. */
function failingDisk(): { readonly files: FileSystem; readonly fail: (...verbs: string[]) => void } {
  const failing = new Set<string>()
  const inner = createMemoryFileSystem()
  const check = (verb: string): void => {
    if (failing.delete(verb)) throw Object.assign(new Error(`EIO: ${verb}`), { code: 'EIO' })
  }
  const files: FileSystem = {
    ...inner,
    async open(path, mode) {
      const file = await inner.open(path, mode)
      return { ...file, sync: async () => check('sync') }
    },
    async unlink(path) {
      check('unlink')
      await inner.unlink(path)
    },
  }
  return { files, fail: (...verbs) => verbs.forEach((verb) => failing.add(verb)) }
}

/** So much that a sync begins before the end. */
async function* cutOff(): AsyncGenerator<Uint8Array> {
  yield Buffer.alloc(17 * 1024 * 1024)
  throw new Error('the source went away')
}

const ways: ReadonlyArray<readonly [string, RegExp, (upload: Upload) => Promise<unknown>]> = [
  ['at the end', /the disk fails/, (upload) => upload.append(chunks('lost'))],
  ['behind bytes that stop coming', /the source went away/, (upload) => upload.append(cutOff())],
  ['when it is published', /the disk fails/, (upload) => upload.publish('x')],
]

describe('an upload that cannot be made durable', () => {
  it.each(ways)('is not gone on with: the system would not tell a second time (%s)', async (_, message, work) => {
    const { files, fail } = failingDisk()
    const store = await openFsStore({ directory: '/store', files })
    await using upload = await store.openUpload('u')
    await upload.append(chunks('before'))
    fail('sync')
    await expect(work(upload)).rejects.toThrow(message)
    expect(upload.size).toBe(0)
    expect(await Array.fromAsync(store.listUploads())).toEqual([])
    await expect(upload.append(chunks('more'))).rejects.toMatchObject({ code: 'not-found' })
    expect(await store.head('x')).toBeUndefined()
    await using again = await store.openUpload('u')
    await again.append(chunks('anew'))
    await again.publish('x')
    expect(await textOf(await store.get('x'))).toBe('anew')
  })

  it.each(['opened', 'appended to', 'published'])('is gone when it is %s, if it could not be deleted', async (verb) => {
    const { files, fail } = failingDisk()
    const store = await openFsStore({ directory: '/store', files })
    await using upload = await store.openUpload('u')
    fail('sync', 'unlink')
    await expect(upload.append(chunks('lost'))).rejects.toMatchObject({ code: 'unavailable' })
    if (verb === 'opened') return expect((await store.openUpload('u')).size).toBe(0)
    const next = verb === 'published' ? upload.publish('x') : upload.append(chunks('more'))
    await expect(next).rejects.toMatchObject({ code: 'not-found' })
  })
})
