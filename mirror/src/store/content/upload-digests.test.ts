import { describe, expect, it } from 'vitest'
import type { Upload } from '../object-store.ts'
import { digestOf } from '../../oci/digest.ts'
import { createMemoryStore } from '../memory-store.ts'
import { chunks, failing } from '../stored-bytes.conformance.ts'
import { createUploadDigests } from './upload-digests.ts'

/** An upload that counts how often it is read. */
async function countedUpload(): Promise<{ readonly upload: Upload; readonly reads: () => number }> {
  const inner = await createMemoryStore().openUpload('u')
  let reads = 0
  const upload: Upload = {
    ...inner,
    get size() {
      return inner.size
    },
    read() {
      reads++
      return inner.read()
    },
  }
  return { upload, reads: () => reads }
}

describe('the digest of an upload', () => {
  it('is known without reading what was appended in this process', async () => {
    const { upload, reads } = await countedUpload()
    const digests = createUploadDigests()
    await digests.watch(upload).append(chunks('hel'))
    await digests.watch(upload).append(chunks('lo'))
    expect(await digests.digestOf(upload, 'sha256')).toBe(digestOf('hello'))
    expect(reads()).toBe(0)
  })

  it('is read back if bytes came unseen', async () => {
    const { upload, reads } = await countedUpload()
    await upload.append(chunks('hel'))
    const digests = createUploadDigests()
    await digests.watch(upload).append(chunks('lo'))
    expect(await digests.digestOf(upload, 'sha256')).toBe(digestOf('hello'))
    expect(reads()).toBe(1)
  })

  it('goes on from what was there once it has caught up', async () => {
    const { upload, reads } = await countedUpload()
    await upload.append(chunks('hel'))
    const digests = createUploadDigests()
    await digests.catchUp(upload, 'sha256')
    await digests.catchUp(upload, 'sha256')
    await digests.watch(upload).append(chunks('lo'))
    expect(await digests.digestOf(upload, 'sha256')).toBe(digestOf('hello'))
    expect(reads()).toBe(1)
  })

  it('is read back if another algorithm is asked for', async () => {
    const { upload } = await countedUpload()
    const digests = createUploadDigests()
    await digests.watch(upload).append(chunks('hello'))
    expect(await digests.digestOf(upload, 'sha512')).toBe(digestOf('hello', 'sha512'))
    expect(await digests.digestOf(upload, 'sha256')).toBe(digestOf('hello'))
    expect(await digests.digestOf(upload, 'sha256')).toBe(digestOf('hello'))
  })

  it('counts what stayed of an append that failed', async () => {
    const { upload } = await countedUpload()
    const digests = createUploadDigests()
    await expect(digests.watch(upload).append(failing(new Error('cut'), 'hel'))).rejects.toThrow('cut')
    await digests.watch(upload).append(chunks('lo'))
    expect(await digests.digestOf(upload, 'sha256')).toBe(digestOf('hello'))
  })

  it('is not remembered for more uploads than can be watched', async () => {
    const store = createMemoryStore()
    const digests = createUploadDigests()
    const first = await store.openUpload('first')
    await digests.watch(first).append(chunks('hello'))
    for (let n = 0; n < 1000; n++) await digests.watch(await store.openUpload(`u${n}`)).append(chunks('x'))
    expect(await digests.digestOf(first, 'sha256')).toBe(digestOf('hello'))
  })
})
