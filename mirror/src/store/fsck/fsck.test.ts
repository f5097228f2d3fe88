import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fault } from '../../oci/fault.ts'
import type { Digest } from '../../oci/digest.ts'
import { descriptorOf, type ImageManifest } from '../../oci/manifest.ts'
import { silentLog } from '../../testing/silent-log.ts'
import { formatMark } from '../content/condemned-blobs.ts'
import { condemnedKey } from '../content/content-keys.ts'
import { imageOf, indexOf, pushImage } from '../content/stored-content.conformance.ts'
import { createContentStore } from '../create-content-store.ts'
import { createMemoryStore } from '../memory-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { readObject } from '../read-object.ts'
import { createIntegrity } from '../scrub/integrity.ts'
import type { RepairSource } from '../scrub/repair-source.ts'
import { createScrubber } from '../scrub/scrubber.ts'
import type { FsckOptions, FsckResult } from './fsck-operation.ts'
import { fsck } from './fsck.ts'

/** Of what the image has. */
const signatureOf = (image: ImageManifest): ImageManifest => imageOf('one', { subject: descriptorOf(image) })
const signature = signatureOf(imageOf('one')).digest

/** Two repositories with images of which some share bytes, an index and a signature. */
async function filled(): Promise<ObjectStore> {
  const objects = createMemoryStore()
  const content = createContentStore(objects)
  for (const name of ['a', 'team/b']) {
    const repository = content.repository(name)
    const one = await pushImage(repository, 'one', ['v1'])
    const two = await pushImage(repository, `two of ${name}`, [])
    await repository.putManifest(indexOf([one, two].map(descriptorOf)), { tags: ['all'] })
    await repository.putManifest(signatureOf(one))
  }
  return objects
}

const check = async (
  objects: ObjectStore,
  options: Partial<FsckOptions> = {},
  sources: RepairSource[] = [],
): Promise<FsckResult> => {
  const integrity = createIntegrity(objects)
  const content = createContentStore(objects, { integrity })
  const { mender } = createScrubber({ objects, integrity, content, sources, log: silentLog })
  const run = fsck({ objects, integrity, mender, restRatio: 0 })
  const context = { signal: new AbortController().signal, onProgress: () => undefined }
  return await run({ isReadingData: true, isRepairing: false, ...options }, context)
}

async function snapshot(objects: ObjectStore): Promise<Map<string, string>> {
  const keys = await Array.fromAsync(objects.list(''), ({ key }) => key)
  return new Map(
    await Promise.all(keys.map(async (key) => [key, (await readObject(objects, key))!.bytes.toString()] as const)),
  )
}

const damages = {
  removed: undefined,
  cut: (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1),
  flipped: (bytes: Buffer) => Buffer.from(bytes.map((byte, n) => (n === bytes.length >> 1 ? byte ^ 1 : byte))),
}
type Damage = keyof typeof damages

async function damage(objects: ObjectStore, key: string, how: Damage): Promise<void> {
  const { info, bytes } = (await readObject(objects, key))!
  const change = damages[how]
  if (change) await objects.putIfMatch(key, info.etag, change(bytes))
  else await objects.delete(key)
}

/** Has all that was there. */
function sourceOf(before: ReadonlyMap<string, string>, objects: ObjectStore): RepairSource {
  return {
    async bring({ content }) {
      const bytes = before.get(`blobs/${content.digest.replace(':', '/')}`)
      return (
        bytes !== undefined &&
        (await objects.putIfAbsent(`blobs/${content.digest.replace(':', '/')}`, Buffer.from(bytes))) !== undefined
      )
    },
  }
}

const digestIn = (key: string): string => key.split('/').slice(-2).join(':')
const keys = await Array.fromAsync((await filled()).list(''), ({ key }) => key)
const manifests = new Set<string>(
  [...(await snapshot(await filled())).entries()].flatMap(([key, text]) =>
    key.startsWith('blobs/') && text.includes('schemaVersion') ? digestIn(key) : [],
  ),
)
const keysIn = (part: string): string[] => keys.filter((key) => key.includes(part))

describe('fsck', () => {
  it('finds nothing wrong with a store that is whole', async () => {
    const result = await check(await filled())
    expect(result).toMatchObject({ repositories: 2, tags: 4, manifests: 8, faults: [], incomplete: [], strays: [] })
    expect(result.unlinked.count).toBe(0)
  })

  it.each([
    ['blobs/', 'removed', 'bytes-missing'],
    ['blobs/', 'cut', 'size-wrong'],
    ['blobs/', 'flipped', 'blob-damaged'],
    ['/_tags/', 'cut', 'tag-unreadable'],
    ['/_links/', 'cut', 'link-unreadable'],
    ['/_referrers/', 'removed', 'referrer-missing'],
    ['/_referrers/', 'cut', 'referrer-missing'],
  ] as const)('says of each of %s that is %s that it is %s, and changes nothing', async (part, how, kind) => {
    for (const key of keysIn(part)) {
      const objects = await filled()
      await damage(objects, key, how)
      const before = await snapshot(objects)
      const { faults } = await check(objects)
      expect(new Set(faults.map((fault) => fault.kind))).toEqual(new Set([kind]))
      const [{ tag, digest } = {}] = faults
      expect(key).toContain(tag ?? digest!.slice(7))
      expect(await snapshot(objects)).toEqual(before)
    }
  })

  it('says which tags mean nothing, and which images lack something, where a link is gone', async () => {
    for (const key of keysIn('/_links/')) {
      const objects = await filled()
      await damage(objects, key, 'removed')
      const { faults, incomplete } = await check(objects)
      const isTold = faults.some(({ kind, digest }) => kind === 'tag-dangling' && digest === digestIn(key))
      expect(isTold || incomplete.some(({ repository }) => key.includes(`/${repository}/`))).toBe(
        digestIn(key) !== signature,
      )
    }
  })

  it('does not look at data unless it is asked to', async () => {
    const objects = await filled()
    const layers = keysIn('blobs/').filter((key) => !manifests.has(digestIn(key)))
    for (const key of layers) await damage(objects, key, 'flipped')
    expect((await check(objects, { isReadingData: false })).faults).toEqual([])
    expect((await check(objects)).faults).toHaveLength(layers.length)
  })

  it('mends what was damaged in many places, if somebody has it', async () => {
    const blobs = fc.dictionary(fc.constantFrom(...keysIn('blobs/')), fc.constantFrom('removed', 'cut', 'flipped'))
    // What a signature was that nothing names any more, nobody knows.
    const namedLinks = keysIn('/_links/').filter((key) => digestIn(key) !== signature)
    const links = fc.dictionary(fc.constantFrom(...namedLinks), fc.constant('cut'))
    const referrers = fc.dictionary(fc.constantFrom(...keysIn('/_referrers/')), fc.constantFrom('removed', 'cut'))
    await fc.assert(
      fc.asyncProperty(blobs, links, referrers, async (...parts) => {
        const objects = await filled()
        const whole = await snapshot(objects)
        const harm = Object.assign({}, ...parts) as Record<string, Damage>
        for (const [key, how] of Object.entries(harm)) await damage(objects, key, how)
        const repair = () => check(objects, { isRepairing: true }, [sourceOf(whole, objects)])
        const first = await repair()
        expect(first.faults.length > 0).toBe(Object.keys(harm).length > 0)
        expect((await check(objects)).faults).toEqual([])
        const mended = await snapshot(objects)
        for (const key of keysIn('blobs/')) expect(mended.get(key)).toBe(whole.get(key))
      }),
      { numRuns: 60 },
    )
  })

  it('says what nobody can mend, and takes what is damaged out of service all the same', async () => {
    const objects = await filled()
    const [key = ''] = keysIn('blobs/')
    await damage(objects, key, 'flipped')
    const { faults } = await check(objects, { isRepairing: true })
    expect(faults).toMatchObject([{ kind: 'blob-damaged', isRepaired: false }])
    const { faults: after, quarantined } = await check(objects)
    expect(after.map(({ kind }) => kind)).toContain('bytes-missing')
    expect(quarantined.count).toBe(1)
  })

  it.each([
    ['blob-unreadable', 'blob-unreadable'],
    ['blob-damaged', 'bytes-missing'],
  ])('tells of a layer that is %s though it mended something else', async (kind, told) => {
    const objects = await filled()
    const [key = ''] = keysIn('blobs/').filter((each) => !manifests.has(digestIn(each)))
    if (kind === 'blob-damaged') await damage(objects, key, 'flipped')
    for (const each of keysIn('/_referrers/')) await damage(objects, each, 'removed')
    const failing: ObjectStore = {
      ...objects,
      async get(each, options) {
        if (each === key && kind === 'blob-unreadable') throw new Fault('unavailable', 'the disk says EIO')
        return await objects.get(each, options)
      },
    }
    const { faults } = await check(failing, { isRepairing: true })
    expect(new Set(faults.map((fault) => fault.isRepaired))).toEqual(new Set([true, false]))
    const left = faults.filter(({ isRepaired }) => !isRepaired)
    expect(new Set(left.map((fault) => `${fault.kind} ${fault.digest}`))).toEqual(new Set([`${told} ${digestIn(key)}`]))
  })

  it.each(['removed', 'cut'] as const)('keeps from collection what it links anew, where a link was %s', async (how) => {
    const objects = await filled()
    const [tag = ''] = keysIn('/_tags/')
    const { digest } = JSON.parse((await readObject(objects, tag))!.bytes.toString()) as { digest: Digest }
    await damage(
      objects,
      keysIn('/_links/').find((key) => digestIn(key) === digest)!,
      how,
    )
    await objects.putIfAbsent(condemnedKey(digest), formatMark({ at: Date.now(), isDying: false }))
    expect((await check(objects, { isRepairing: true })).faults).toMatchObject([{ digest, isRepaired: true }])
    expect(await objects.head(condemnedKey(digest))).toBeUndefined()
  })

  it('finds a hold that says nothing readable, and takes it aside if it is told to repair', async () => {
    const objects = await filled()
    const key = 'holds/mine.json'
    await objects.putIfAbsent(key, Buffer.from('{"version":1'))
    expect((await check(objects)).faults).toMatchObject([{ kind: 'hold-unreadable', isRepaired: false }])
    expect((await check(objects, { isRepairing: true })).faults).toMatchObject([
      { kind: 'hold-unreadable', isRepaired: true },
    ])
    expect((await check(objects)).faults).toEqual([])
    expect((await readObject(objects, `quarantine/${key}`))?.bytes.toString()).toBe('{"version":1')
  })

  it('takes nothing for a fault that others did meanwhile', async () => {
    const objects = await filled()
    const busy: ObjectStore = {
      ...objects,
      // Between the look at the blobs and that at the links a new image comes, and an old one goes.
      async *list(prefix, options) {
        yield* objects.list(prefix, options)
        if (prefix !== 'blobs/') return
        await pushImage(createContentStore(objects).repository('a'), 'new', ['new'])
      },
    }
    expect((await check(busy)).faults).toEqual([])
  })
})
