import { describe, expect, it } from 'vitest'
import type { ContentStore } from '../content-store.ts'
import type { OpenedStore } from '../opened-store.conformance.ts'
import { digestOf } from '../../oci/digest.ts'
import { createContentStore } from '../create-content-store.ts'
import { chunks, failing, text, textOf } from '../stored-bytes.conformance.ts'
import { blobOf, store } from './stored-content.conformance.ts'

/** What content keeps to when clients push it. */
export function pushesConformance(name: string, open: () => Promise<OpenedStore>): void {
  const withContent = (test: (content: ContentStore, opened: OpenedStore) => Promise<void>) => async () => {
    await using opened = await open()
    await test(createContentStore(opened.store), opened)
  }

  describe(`${name} as a taker of pushes`, () => {
    it(
      'makes an upload a blob of the repository it was pushed to',
      withContent(async (content) => {
        const repository = content.repository('team/app')
        await using upload = await content.openUpload('u1')
        await upload.append(chunks('hel'))
        await upload.append(chunks('lo'))
        const { digest } = blobOf('hello')
        expect(await repository.commitUpload(upload, digest)).toEqual({
          mediaType: 'application/octet-stream',
          digest,
          size: 5,
        })
        expect(await textOf(await repository.openBlob(digest))).toBe('hello')
        expect(await content.repository('other').stat(digest)).toBeUndefined()
        expect(await content.repository('other').openBlob(digest)).toBeUndefined()
      }),
    )

    it(
      'goes on with an upload in the next process',
      withContent(async (content, opened) => {
        {
          await using upload = await content.openUpload('u1')
          await upload.append(chunks('hel'))
        }
        const later = createContentStore(await opened.reopen())
        await using upload = await later.openUpload('u1')
        expect(upload.size).toBe(3)
        await upload.append(chunks('lo'))
        expect(await later.repository('a').commitUpload(upload, digestOf('hello'))).toMatchObject({ size: 5 })
      }),
    )

    it(
      'keeps an upload whose digest is another one, and shows nothing',
      withContent(async (content) => {
        const repository = content.repository('team/app')
        await using upload = await content.openUpload('u1')
        await upload.append(chunks('hello'))
        await expect(repository.commitUpload(upload, digestOf('other'))).rejects.toMatchObject({ code: 'corrupt' })
        expect(await repository.stat(digestOf('other'))).toBeUndefined()
        expect(upload.size).toBe(5)
        expect(await repository.commitUpload(upload, digestOf('hello', 'sha512'))).toMatchObject({ size: 5 })
      }),
    )

    it(
      'takes a blob without bytes',
      withContent(async (content) => {
        await using upload = await content.openUpload('u1')
        await content.repository('a').commitUpload(upload, digestOf(''))
        expect(await textOf(await content.repository('a').openBlob(digestOf('')))).toBe('')
      }),
    )

    it(
      'counts only bytes that stayed when an append failed half-way',
      withContent(async (content) => {
        await using upload = await content.openUpload('u1')
        await expect(upload.append(failing(new Error('cut'), 'hel'))).rejects.toThrow('cut')
        await upload.append(chunks('lo'))
        expect(await content.repository('a').commitUpload(upload, digestOf('hello'))).toMatchObject({ size: 5 })
      }),
    )

    it(
      'digests right when sessions of one upload alternate',
      withContent(async (content) => {
        for (const part of ['he', 'll', 'o']) {
          await using upload = await content.openUpload('u1')
          await upload.append(chunks(part))
        }
        await using stale = await content.openUpload('u1')
        await using upload = await content.openUpload('u1')
        await upload.append(chunks('!'))
        await expect(stale.append(chunks('?'))).rejects.toMatchObject({ code: 'conflict' })
        await expect(content.repository('a').commitUpload(stale, digestOf('hello'))).rejects.toMatchObject({
          code: 'conflict',
        })
        expect(await content.repository('a').commitUpload(upload, digestOf('hello!'))).toMatchObject({ size: 6 })
      }),
    )

    it(
      'mounts a blob from a repository that has it',
      withContent(async (content) => {
        const [one, two] = [content.repository('one'), content.repository('two')]
        const blob = blobOf('hello')
        expect(await two.mount(blob.digest, one)).toBeUndefined()
        await store(one, blob, 'hello')
        expect(await two.mount(blob.digest, one)).toMatchObject({ digest: blob.digest, size: 5 })
        expect(await textOf(await two.openBlob(blob.digest))).toBe('hello')
      }),
    )

    it(
      'tells which repositories hold a blob',
      withContent(async (content) => {
        const blob = blobOf('hello')
        expect(await Array.fromAsync(content.holders(blob.digest))).toEqual([])
        for (const name of ['b', 'a/b', 'a']) await store(content.repository(name), blob, 'hello')
        await store(content.repository('c'), blobOf('other'), 'other')
        expect(await Array.fromAsync(content.holders(blob.digest))).toEqual(['a', 'a/b', 'b'])
        await content.repository('b').deleteBlob(blob.digest)
        expect(await Array.fromAsync(content.holders(blob.digest))).toEqual(['a', 'a/b'])
      }),
    )

    it(
      'keeps clients away from half-fetched blobs',
      withContent(async (content) => {
        const id = `ingest-${digestOf('x').replace(':', '-')}`
        await expect(content.openUpload(id)).rejects.toMatchObject({ code: 'invalid' })
      }),
    )

    it.each(['', 'A', '../x', 'a/_tags', 'a//b', 'a/'])('refuses the repository name %j', async (repository) => {
      await withContent(async (content) => {
        expect(() => content.repository(repository)).toThrow(expect.objectContaining({ code: 'invalid' }))
      })()
    })

    it(
      'lists repositories that contain something, in pages',
      withContent(async (content) => {
        const names = ['a', 'a/0', 'a/b', 'a-b', 'a.b/c', 'b', 'a/b/c']
        for (const name of names) await store(content.repository(name), blobOf('x'), 'x')
        await store(content.repository('emptied'), blobOf('x'), 'x')
        await content.repository('emptied').deleteBlob(blobOf('x').digest)
        const sorted = names.toSorted()
        expect(await content.repositories()).toEqual(sorted)
        expect(await content.repositories({ limit: 2 })).toEqual(sorted.slice(0, 2))
        expect(await content.repositories({ after: 'a/0' })).toEqual(sorted.filter((name) => name > 'a/0'))
      }),
    )

    it(
      'drops uploads that nobody touched for long, and not those at work',
      withContent(async (_, { store: objects }) => {
        let now = 0
        const content = createContentStore(objects, { now: () => now })
        await using left = await content.openUpload('left')
        await left.append(chunks('x'))
        await using atWork = await content.openUpload('at-work')
        const { promise: gate, resolve: go } = Promise.withResolvers<void>()
        const appending = atWork.append(
          (async function* () {
            yield text('x')
            await gate
          })(),
        )
        now = Date.now() + 3_600_000
        expect(await content.expireUploads(7_200_000)).toBe(0)
        expect(await content.expireUploads(600_000)).toBe(1)
        go()
        await appending
        expect((await Array.fromAsync(objects.listUploads())).map(({ id }) => id)).toEqual(['at-work'])
        await using _fetched = await content.repository('fetched').ingest(blobOf('fetched'))
        expect(await content.expireUploads(600_000, { isOnlyPushes: true })).toBe(1)
        const kept = (await Array.fromAsync(objects.listUploads())).map(({ id }) => id)
        expect(kept).toEqual([expect.stringMatching(/^ingest-/)])
      }),
    )
  })
}
