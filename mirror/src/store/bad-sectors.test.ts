import { describe, expect, it } from 'vitest'
import { buildSet, setRepository } from '../edge/set.ts'
import type { Digest } from '../oci/digest.ts'
import { descriptorOf } from '../oci/manifest.ts'
import { silentLog } from '../testing/silent-log.ts'
import { withBadSectors } from '../testing/with-bad-sectors.ts'
import { blobKey, linkKey } from './content/content-keys.ts'
import { blobOf, imageOf, pushImage, store as storeBlob } from './content/stored-content.conformance.ts'
import { createMemoryFileSystem } from './crash-model/memory-file-system.ts'
import { createContentStore } from './create-content-store.ts'
import { fsck } from './fsck/fsck.ts'
import { openFsStore } from './fs-store.ts'
import { collectGarbage } from './gc/collect-garbage.ts'
import { inPieces } from './stored-bytes.conformance.ts'
import { createIntegrity } from './scrub/integrity.ts'
import type { RepairSource } from './scrub/repair-source.ts'
import { createScrubber } from './scrub/scrubber.ts'

const image = imageOf('one')
const layer = { ...blobOf('layer one of one'), content: 'layer one of one' }
const telling = { signal: new AbortController().signal, onProgress: () => undefined }

/** A process over the store, which remembers nothing of those before it. */
async function open(disk: ReturnType<typeof createDisk>, sources: readonly RepairSource[] = []) {
  const objects = await openFsStore({ directory: '/store', files: disk.files })
  const integrity = createIntegrity(objects)
  const content = createContentStore(objects, { integrity })
  const scrubber = createScrubber({ objects, integrity, content, sources, log: silentLog })
  return { objects, integrity, content, scrubber, repository: content.repository('a') }
}

const createDisk = () => withBadSectors(createMemoryFileSystem())

/** Has an image, and garbage in another repository. */
async function filled() {
  const disk = createDisk()
  const { content, repository } = await open(disk)
  await pushImage(repository, 'one', ['v1'])
  await pushImage(content.repository('b'), 'two', [])
  return disk
}

const rules = { graceMs: 0, untaggedMs: 0, youngMs: 0 }
let time = Date.now() + 1000
const collect = ({ objects }: Awaited<ReturnType<typeof open>>) =>
  collectGarbage({ objects, rules, roots: [], now: () => time++, isAlone: true })

const { objects: whole } = await open(await filled())
const keys = (await Array.fromAsync(whole.list(''), ({ key }) => key)).filter((key) => key !== 'oci-layout')
const keysOf = (part: string): string[] => keys.filter((key) => key.startsWith(part))
const own = [image.digest, image.config.digest, ...image.layers.map(({ digest }) => digest)]

describe('an object that the disk fails to give', () => {
  it.each([...keysOf('repositories/a/'), blobKey(image.digest)])('keeps no garbage of others: %s', async (key) => {
    const disk = await filled()
    await disk.spoil(`/store/${key}`)
    const opened = await open(disk)
    await collect(opened)
    expect((await collect(opened)).links.deleted).toBe(4)
    expect(await Array.fromAsync(opened.objects.list('repositories/a/'), (object) => object.key)).toEqual(
      keysOf('repositories/a/'),
    )
    for (const digest of own) expect(await opened.objects.head(blobKey(digest))).toBeDefined()
  })

  it.each([
    ['bytes', blobKey],
    ['link', (digest: Digest) => linkKey(setRepository, digest)],
  ])('keeps everything if it is the %s of a set, which names images elsewhere', async (_, keyOf) => {
    const disk = await filled()
    const first = await open(disk)
    const name = 'example.com/b:v1'
    const set = buildSet({ images: [{ name, root: descriptorOf(imageOf('two')) }], unresolved: [] })
    await first.content.repository(setRepository).putManifest(set, { tags: ['set'] })
    await disk.spoil(`/store/${keyOf(set.digest)}`)
    await expect(collect(await open(disk))).rejects.toMatchObject({ code: 'unavailable' })
  })

  it.each([...keysOf('repositories/a/'), ...own.map(blobKey)])('is told of by fsck, which goes on: %s', async (key) => {
    const disk = await filled()
    await disk.spoil(`/store/${key}`)
    const { objects, integrity, scrubber } = await open(disk)
    const run = fsck({ objects, integrity, mender: scrubber.mender, restRatio: 0 })
    const { faults } = await run({ isReadingData: true, isRepairing: true }, telling)
    expect(faults.length).toBeGreaterThan(0)
  })

  it.each([...keysOf('repositories/a/'), ...own.map(blobKey)])('is mended when it is pushed again: %s', async (key) => {
    const disk = await filled()
    await disk.spoil(`/store/${key}`)
    const { integrity, repository } = await open(disk)
    for (const digest of own) await integrity.check(digest).catch(() => undefined)
    await pushImage(repository, 'one', ['v1'])
    expect((await repository.manifest('v1'))?.digest).toBe(image.digest)
    for (const digest of own) expect(await integrity.check(digest)).toBe('right')
    expect(await (await open(disk)).repository.manifest('v1')).toBeDefined()
  })
})

describe('a layer that the disk fails to give', () => {
  it('is not there any more for who asks whether it is, once somebody tried to read it', async () => {
    const disk = await filled()
    await disk.spoil(`/store/${blobKey(layer.digest)}`)
    const { repository, integrity } = await open(disk)
    await expect(repository.openBlob(layer.digest)).rejects.toMatchObject({ code: 'unavailable' })
    await expect.poll(() => [...integrity.unreadable()]).toEqual([layer.digest])
    expect(await repository.hasBlob(layer)).toBe(false)
    await storeBlob(repository, layer, layer.content)
    expect(await repository.hasBlob(layer)).toBe(true)
    expect(await integrity.check(layer.digest)).toBe('right')
    expect([...integrity.unreadable()]).toEqual([])
  })

  it.each([{}, { offset: 1 }])('is known for one by whoever reads a large one (%j)', async (options) => {
    const disk = createDisk()
    const large = { ...blobOf('large '.repeat(100_000)), content: 'large '.repeat(100_000) }
    await storeBlob((await open(disk)).repository, large, large.content)
    await disk.spoil(`/store/${blobKey(large.digest)}`)
    const { repository, integrity } = await open(disk)
    const object = await repository.openBlob(large.digest, options)
    await expect(Array.fromAsync(object!.bytes)).rejects.toMatchObject({ code: 'unavailable' })
    await expect.poll(() => [...integrity.unreadable()]).toEqual([large.digest])
  })

  it('is left to wrong bytes no more than to nobody', async () => {
    const disk = await filled()
    await disk.spoil(`/store/${blobKey(layer.digest)}`)
    const { content, repository, objects } = await open(disk)
    await using upload = await content.openUpload('session')
    await upload.append(inPieces(Buffer.from('something else'), 4))
    await expect(repository.commitUpload(upload, layer.digest)).rejects.toMatchObject({ code: 'corrupt' })
    expect(await objects.head(blobKey(layer.digest))).toBeDefined()
  })

  it.each([true, false])('is fetched again by a scrub if a source has it (%s), and else left', async (isHad) => {
    const disk = await filled()
    await disk.spoil(`/store/${blobKey(layer.digest)}`)
    const source: RepairSource = {
      async bring() {
        if (isHad) await storeBlob(opened.repository, layer, layer.content)
        return isHad
      },
    }
    const opened = await open(disk, [source])
    const { troubles } = await opened.scrubber.scrubNow({}, telling)
    expect(troubles).toMatchObject([{ digest: layer.digest, kind: 'unreadable', isSettled: isHad }])
    expect(await Array.fromAsync(opened.scrubber.mender.missed())).toEqual(isHad ? [] : [layer.digest])
    expect(await opened.objects.head(blobKey(layer.digest))).toBeDefined()
    expect(await opened.repository.hasBlob(layer)).toBe(isHad)
  })
})
