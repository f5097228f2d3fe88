import { describe, expect, it } from 'vitest'
import type { Ingest } from '../../content.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Repository } from '../content-store.ts'
import type { ObjectStore } from '../object-store.ts'
import type { OpenedStore } from '../opened-store.conformance.ts'
import { digestOf } from '../../oci/digest.ts'
import { descriptorOf } from '../../oci/manifest.ts'
import { createContentStore } from '../create-content-store.ts'
import { chunks, failing, inPieces, pattern, text, textOf } from '../stored-bytes.conformance.ts'
import { blobOf, imageOf, store } from './stored-content.conformance.ts'

/** What a repository keeps to when blobs are copied into it. */
export function blobSinkConformance(name: string, open: () => Promise<OpenedStore>): void {
  const withRepository =
    (test: (repository: Repository, objects: ObjectStore, opened: OpenedStore) => Promise<void>) => async () => {
      await using opened = await open()
      await test(createContentStore(opened.store).repository('team/app'), opened.store, opened)
    }

  describe(`${name} as a sink of blobs`, () => {
    it(
      'shows a blob once it is committed, not before',
      withRepository(async (repository) => {
        const blob = blobOf('hello')
        await using ingest = await begin(repository, blob)
        await ingest.write(chunks('hel', 'lo'))
        expect(await repository.hasBlob(blob)).toBe(false)
        expect(await repository.stat(blob.digest)).toBeUndefined()
        expect(await repository.openBlob(blob.digest)).toBeUndefined()
        await ingest.commit()
        expect(await repository.hasBlob(blob)).toBe(true)
        expect(await repository.stat(blob.digest)).toEqual(blob)
        expect(await textOf(await repository.openBlob(blob.digest))).toBe('hello')
        expect(await textOf(await repository.openBlob(blob.digest, { offset: 1, length: 3 }))).toBe('ell')
      }),
    )

    it.each([['sha256' as const], ['sha512' as const]])(
      'takes blobs of %s, also one without bytes',
      async (algorithm) => {
        await withRepository(async (repository) => {
          for (const content of ['', 'some bytes']) {
            const blob = { ...blobOf(content), digest: digestOf(content, algorithm) }
            await store(repository, blob, content)
            expect(await textOf(await repository.openBlob(blob.digest))).toBe(content)
          }
        })()
      },
    )

    it(
      'goes on with a blob where the last try stopped',
      withRepository(async (repository, _objects, opened) => {
        const bytes = pattern(300_000)
        const blob = blobOf(bytes)
        {
          await using ingest = await begin(repository, blob)
          await expect(ingest.write(failing(new Error('link down'), 'x'.repeat(0)))).rejects.toThrow('link down')
          await ingest.write(inPieces(bytes.subarray(0, 100_000), 7777))
          expect(ingest.offset).toBe(100_000)
        }
        const later = createContentStore(await opened.reopen()).repository('team/app')
        await using ingest = await begin(later, blob)
        expect(ingest.offset).toBe(100_000)
        await ingest.write(inPieces(bytes.subarray(100_000), 9999))
        await ingest.commit()
        expect(await later.hasBlob(blob)).toBe(true)
      }),
    )

    it(
      'drops what came if it is not the promised bytes',
      withRepository(async (repository) => {
        const blob = blobOf('right')
        {
          await using ingest = await begin(repository, blob)
          await ingest.write(chunks('wrong'))
          await expect(ingest.commit()).rejects.toMatchObject({ code: 'corrupt' })
        }
        expect(await repository.hasBlob(blob)).toBe(false)
        await using ingest = await begin(repository, blob)
        expect(ingest.offset).toBe(0)
        await ingest.write(chunks('right'))
        await ingest.commit()
      }),
    )

    it(
      'drops a torn beginning that an earlier process left',
      withRepository(async (repository, _objects, opened) => {
        const blob = blobOf('0123456789')
        {
          await using ingest = await begin(repository, blob)
          await ingest.write(chunks('01\0\0'))
        }
        const later = createContentStore(await opened.reopen()).repository('team/app')
        {
          await using ingest = await begin(later, blob)
          expect(ingest.offset).toBe(4)
          await ingest.write(chunks('456789'))
          await expect(ingest.commit()).rejects.toMatchObject({ code: 'corrupt' })
        }
        await store(later, blob, '0123456789')
        expect(await later.hasBlob(blob)).toBe(true)
      }),
    )

    it(
      'takes no more bytes than promised',
      withRepository(async (repository) => {
        const blob = blobOf('12345')
        {
          await using ingest = await begin(repository, blob)
          await expect(ingest.write(chunks('123', '456'))).rejects.toMatchObject({ code: 'corrupt' })
        }
        await using ingest = await begin(repository, blob)
        expect(ingest.offset).toBe(0)
      }),
    )

    it(
      'keeps what came if the rest is missing',
      withRepository(async (repository) => {
        const blob = blobOf('12345')
        {
          await using ingest = await begin(repository, blob)
          await ingest.write(chunks('123'))
          await expect(ingest.commit()).rejects.toMatchObject({ code: 'unavailable' })
        }
        await using ingest = await begin(repository, blob)
        expect(ingest.offset).toBe(3)
        await ingest.write(chunks('45'))
        await ingest.commit()
      }),
    )

    it(
      'lets a second writer of a blob wait, and tells it when the first one was through',
      withRepository(async (repository) => {
        const blob = blobOf('hello')
        const first = await begin(repository, blob)
        const second = repository.ingest(blob)
        await first.write(chunks('hello'))
        await first.commit()
        await first[Symbol.asyncDispose]()
        expect(await second).toBeUndefined()
      }),
    )

    it(
      'lets a second writer go on where the first one gave up',
      withRepository(async (repository) => {
        const blob = blobOf('hello')
        const first = await begin(repository, blob)
        const second = repository.ingest(blob)
        await first.write(chunks('hel'))
        await first[Symbol.asyncDispose]()
        await using ingest = (await second)!
        expect(ingest.offset).toBe(3)
        await ingest.write(chunks('lo'))
        await ingest.commit()
      }),
    )

    it(
      'stops waiting for another writer when it is told to, and lets the next one in all the same',
      withRepository(async (repository) => {
        const blob = blobOf('hello')
        const first = await begin(repository, blob)
        const controller = new AbortController()
        const second = repository.ingest(blob, { signal: controller.signal })
        const third = repository.ingest(blob)
        controller.abort(new Error('enough'))
        await expect(second).rejects.toThrow('enough')
        await first[Symbol.asyncDispose]()
        await using ingest = (await third)!
        expect(ingest.offset).toBe(0)
      }),
    )

    it(
      'links bytes that another repository brought, without a second copy',
      withRepository(async (_, objects) => {
        const content = createContentStore(objects)
        const blob = blobOf('shared')
        await store(content.repository('one'), blob, 'shared')
        expect(await content.repository('two').hasBlob(blob)).toBe(false)
        expect(await content.repository('two').ingest(blob)).toBeUndefined()
        expect(await content.repository('two').hasBlob(blob)).toBe(true)
      }),
    )

    it(
      'does not begin anew with a blob that another writer has brought while it was opened',
      withRepository(async (repository, objects) => {
        const blob = blobOf('hello')
        const overtaken: ObjectStore = {
          ...objects,
          async openUpload(...args) {
            await store(repository, blob, 'hello')
            return await objects.openUpload(...args)
          },
        }
        expect(await createContentStore(overtaken).repository('other').ingest(blob)).toBeUndefined()
        expect(await createContentStore(objects).repository('other').stat(blob.digest)).toEqual(blob)
        expect(await Array.fromAsync(objects.listUploads())).toEqual([])
      }),
    )

    it(
      'does not say that it has a blob whose bytes are gone or cut off, and takes it again',
      withRepository(async (repository, objects) => {
        const blob = blobOf('hello')
        const key = `blobs/sha256/${blob.digest.slice(7)}`
        await store(repository, blob, 'hello')
        await objects.delete(key)
        expect(await repository.hasBlob(blob)).toBe(false)
        await store(repository, blob, 'hello')
        await objects.putIfMatch(key, (await objects.head(key))!.etag, text('hel'))
        expect(await repository.hasBlob(blob)).toBe(false)
        await store(repository, blob, 'hello')
        expect(await textOf(await repository.openBlob(blob.digest))).toBe('hello')
      }),
    )

    it(
      'makes nothing a manifest that came as a blob',
      withRepository(async (repository) => {
        const manifest = imageOf('a')
        await store(repository, descriptorOf(manifest), Buffer.from(manifest.raw))
        expect(await repository.hasManifest(manifest.digest)).toBe(false)
        expect(await repository.manifest(manifest.digest)).toBeUndefined()
        await repository.putManifest(manifest)
        expect(await repository.hasManifest(manifest.digest)).toBe(true)
        expect(await repository.stat(manifest.digest)).toEqual(descriptorOf(manifest))
        await store(repository, { ...descriptorOf(manifest), mediaType: 'text/plain' }, Buffer.from(manifest.raw))
        expect(await repository.hasManifest(manifest.digest)).toBe(true)
      }),
    )
  })
}

async function begin(repository: Repository, blob: Descriptor): Promise<Ingest> {
  const ingest = await repository.ingest(blob)
  if (!ingest) throw new Error(`${blob.digest} is there already`)
  return ingest
}
