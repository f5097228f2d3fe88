import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Digest } from '../../oci/digest.ts'
import { isFault } from '../../oci/fault.ts'
import type { PutManifestOptions } from '../../content.ts'
import { descriptorOf, partsOf, type Manifest } from '../../oci/manifest.ts'
import { mediaTypes } from '../../oci/media-type.ts'
import type { ContentStore, Repository } from '../content-store.ts'
import { createContentStore } from '../create-content-store.ts'
import { createHolds } from '../holds.ts'
import { createMemoryStore } from '../memory-store.ts'
import type { ObjectStore } from '../object-store.ts'
import { createSeededRandom } from '../seeded-random.ts'
import { collectGarbage } from './collect-garbage.ts'
import { lacksOf, leaksIn, type Excused } from './garbage-model-checks.ts'
import { unlessKilled } from './garbage-model-kills.ts'
import { createWills } from './garbage-model-wills.ts'
import { blobs, bytesOf, contents, images, manifestOf, names, signatureTagOf } from './garbage-model-content.ts'
import { createSlowStore } from './slow-store.ts'

// A world in which clients push, mount, tag, hold, delete and pull over two replicas of one store, while both collect garbage
// without a pause. Time is the number of calls to the store. For tests.

/** What a client does; numbers choose among few things, so that clients meet. */
export interface Deed {
  readonly kind:
    'push' | 'copy' | 'index' | 'sign' | 'carry' | 'move-tag' | 'delete-tag' | 'delete-manifest' | 'hold' | 'pull'
  readonly replica: number
  readonly repository: number
  readonly image: number
  readonly other: number
  readonly tag: number
}

export const deedKinds: readonly Deed['kind'][] = [
  'push',
  'push',
  'copy',
  'index',
  'sign',
  'carry',
  'move-tag',
  'delete-tag',
  'delete-manifest',
  'hold',
  'pull',
]

export interface ModelOptions {
  readonly deeds: readonly Deed[]
  readonly seed: number
  /** Clients at a time. */
  readonly clients: number
  /** Opens the store for one more replica, with the time of the model for when objects changed; one in memory by default. */
  readonly replicas?: ((now: () => number) => () => ObjectStore) | undefined
  /** Breaks something of what collections see, to show that this is found out. */
  readonly sabotage?: ((objects: ObjectStore) => ObjectStore) | undefined
  /** How far the clock of each replica, and that of its collections, is ahead. */
  readonly aheadBy?: readonly [number, number] | undefined
  /** Breaks something of what clients see. */
  readonly sabotageClients?: ((repository: Repository) => Repository) | undefined
}

export interface ModelResult {
  /** What should never be. */
  readonly violations: readonly string[]
  readonly collections: number
  readonly linksDeleted: number
  readonly blobsDeleted: number
  readonly pushes: number
  /** Pushes that were told to come again. */
  readonly refusals: number
}

/** In calls to the store. */
const graceMs = 3000
const rules = { graceMs, untaggedMs: 1000, youngMs: 30 }

export async function runModel(options: ModelOptions): Promise<ModelResult> {
  const random = createSeededRandom(options.seed)
  let ticks = 1_000_000
  const now = (): number => ticks
  const openReplica = (options.replicas ?? inMemory)(now)
  const store = openReplica()
  const slowly = (): ObjectStore => createSlowStore(openReplica(), { random, onCall: () => ticks++ })
  const clocks = (options.aheadBy ?? [0, 0]).map((ahead) => () => ticks + ahead)
  const replicas = clocks.map((clock) => createContentStore(slowly(), { now: clock }))
  const holds = createHolds(slowly(), { now })
  const violations: string[] = []
  const held = new Map<string, { repository: string; digest: Digest }>()
  const carried = new Map<string, { repository: string; digest: Digest; since: number }>()
  const wills = createWills(now)
  const missedSince = (since: number): Excused => ({ has: (manifest) => wills.excuse(manifest, since) })
  const tally = { collections: 0, linksDeleted: 0, blobsDeleted: 0, pushes: 0, refusals: 0 }
  let isOver = false
  let sessions = 0

  async function collect(objects: ObjectStore, clock: () => number): Promise<number> {
    const { links, blobs: bytes } = await collectGarbage({ objects, rules, roots: [], now: clock, isAlone: false })
    tally.collections++
    tally.linksDeleted += links.deleted
    tally.blobsDeleted += bytes.deleted
    return links.condemned + links.pardoned + links.deleted + bytes.condemned + bytes.deleted
  }

  const repositoryOf = (content: ContentStore, name: string): Repository => {
    const repository = content.repository(name)
    return options.sabotageClients?.(repository) ?? repository
  }

  /** As a client does it: asks first, mounts or uploads what is not there, and is believed only if all is there at the end. */
  async function push(deed: Deed, manifest: Manifest, options: PutManifestOptions): Promise<boolean> {
    const content = replicas[deed.replica]!
    const name = names[deed.repository]!
    const repository = repositoryOf(content, name)
    const begunAt = ticks
    try {
      for (const digest of partsOf(manifest)) await bring(digest)
      for (const digest of partsOf(manifest)) {
        if (manifest.kind === 'index') continue
        const there = await repository.stat(digest)
        if (!there || !(await repository.hasBlob(there))) broken(`a part ${digest} that was said to be there`)
      }
      await repository.putManifest(manifest, options)
      wills.pushed(`${name} ${manifest.digest}`, begunAt)
      tally.pushes++
      return true
    } catch (error) {
      if (!isFault(error, 'unavailable') && !isFault(error, 'not-found') && !isFault(error, 'conflict')) throw error
      tally.refusals++
      return false
    }

    function broken(what: string): void {
      if (ticks - begunAt < graceMs) violations.push(`${what} was gone within the grace (${name})`)
    }

    async function bring(digest: Digest): Promise<void> {
      const child = images.find((image) => image.digest === digest)
      if (child) {
        if (!(await repository.vouchFor(digest))) await push(deed, child, {})
        return
      }
      const index = blobs.findIndex((blob) => blob.digest === digest)
      if (await repository.hasBlob(blobs[index]!)) return
      const source = content.repository(names[(deed.repository + 1 + (deed.other % 2)) % names.length]!)
      if (deed.other % 3 === 0 && (await repository.mount(digest, source))) return
      if (deed.kind === 'copy') return await copy(index)
      await using upload = await content.openUpload(`session-${++sessions}`)
      await upload.append(bytesOf(contents[index]!))
      await repository.commitUpload(upload, digest)
    }

    async function copy(index: number): Promise<void> {
      await using ingest = await repository.ingest(blobs[index]!)
      if (!ingest) return
      if (ingest.offset === 0) await ingest.write(bytesOf(contents[index]!))
      await ingest.commit()
    }
  }

  async function does(deed: Deed): Promise<void> {
    const content = replicas[deed.replica]!
    const name = names[deed.repository]!
    const repository = repositoryOf(content, name)
    const image = images[deed.image % images.length]!
    const tag = `t${deed.tag}`
    switch (deed.kind) {
      case 'push':
      case 'copy':
        return void (await push(deed, image, { tags: deed.other % 4 === 0 ? [] : [tag] }))
      case 'index': {
        const parts = [image, images[deed.other % images.length]!].map(descriptorOf)
        return void (await push(deed, manifestOf({ mediaType: mediaTypes.index, manifests: parts }), { tags: [tag] }))
      }
      case 'sign': {
        const [config, layer] = [blobs[deed.other % blobs.length], blobs[(deed.other + 1) % blobs.length]]
        const signature = { mediaType: mediaTypes.manifest, config, layers: [layer], subject: descriptorOf(image) }
        return void (await push(deed, manifestOf(signature), {}))
      }
      case 'carry':
        return await carry(deed, name, image)
      case 'move-tag':
        return await repository.putTag(tag, image.digest).catch(unlessGone)
      case 'delete-tag':
        return void (await repository.deleteTag(tag))
      case 'delete-manifest':
        return await wills.deleting(`${name} ${image.digest}`, () => repository.deleteManifest(image.digest))
      case 'hold':
        return await hold(deed, name, image)
      case 'pull':
        return await pull(repository, tag)
    }
  }

  /** An image with a signature that is found by its tag; some are held for ever then, and the signature with them. */
  async function carry(deed: Deed, repository: string, image: Manifest): Promise<void> {
    const { digest } = image
    if (!(await push(deed, image, {}))) return
    const since = ticks
    const isHeld = deed.tag === 0
    if (isHeld) {
      const holdName = `carried-${names.indexOf(repository)}-${deed.image % images.length}`
      await holds.take(holdName, [{ repository, digests: [digest] }], 1e9)
      held.set(holdName, { repository, digest })
    }
    const [config, layer] = [blobs[deed.other % blobs.length], blobs[(deed.other + 2) % blobs.length]]
    const signature = manifestOf({
      mediaType: mediaTypes.manifest,
      config,
      layers: [layer],
      annotations: { of: digest },
    })
    const tag = signatureTagOf(digest)
    const isCarried = await push(deed, signature, { speakingTags: [{ tag, speaksOf: digest }] })
    if (isCarried && isHeld) carried.set(`${repository} ${digest}`, { repository, digest, since })
  }

  async function hold(deed: Deed, repository: string, { digest }: Manifest): Promise<void> {
    const holdName = `hold-${deed.tag}`
    if (deed.other % 2 === 0) {
      held.delete(holdName)
      return await holds.release(holdName)
    }
    if (!(await replicas[deed.replica]!.repository(repository).hasManifest(digest))) return
    await holds.take(holdName, [{ repository, digests: [digest] }], 1e9)
    held.set(holdName, { repository, digest })
  }

  /** A node that reads an image by its tag finds all of it, unless the image is deleted meanwhile. */
  async function pull(repository: Repository, tag: string): Promise<void> {
    const target = await repository.tag(tag)
    if (!target) return
    const begunAt = ticks
    const excused = missedSince(begunAt)
    const lacks = await lacksOf(repository, target.digest, excused)
    const isStill = (await repository.tag(tag))?.digest === target.digest
    if (lacks && isStill && ticks - begunAt < graceMs && !excused.has(`${repository.name} ${target.digest}`)) {
      violations.push(`a pull of ${repository.name}:${tag} misses ${lacks}`)
    }
  }

  async function client(queue: Deed[]): Promise<void> {
    for (let deed = queue.pop(); deed; deed = queue.pop()) await does(deed)
  }

  async function collector(clock: () => number): Promise<void> {
    const objects = options.sabotage?.(slowly()) ?? slowly()
    while (!isOver) {
      await collect(objects, clock).catch(unlessKilled)
      await nextTurn()
    }
  }

  const queue = options.deeds.toReversed()
  const collectors = clocks.map(collector)
  await Promise.all(Array.from({ length: options.clients }, () => client(queue)))
  isOver = true
  await Promise.all(collectors)
  await check('when all is done')
  for (let work = 1, turn = 0; work > 0; turn++) {
    if (turn > 50) throw new Error('collections never rest')
    ticks += graceMs + 10_000
    work = await collect(store, now)
  }
  await check('after it rested')
  violations.push(...(await leaksIn(store, [...held.values()])))
  return { violations, ...tally }

  /** All that tags and holds name is there, with all that belongs to it. */
  async function check(when: string): Promise<void> {
    const content = createContentStore(store, { now })
    const excused = missedSince(ticks)
    for (const name of names) {
      const repository = content.repository(name)
      for (const { name: tag, target } of await repository.tags()) {
        const lacks = await lacksOf(repository, target.digest, excused)
        if (lacks) violations.push(`${when}, ${name}:${tag} misses ${lacks}`)
      }
    }
    for (const { repository, digest, since } of carried.values()) {
      if (wills.excuse(`${repository} ${digest}`, since)) continue
      const signature = await content.repository(repository).tag(signatureTagOf(digest))
      if (!signature) violations.push(`${when}, the signature of ${digest} in ${repository} is gone`)
    }
    for (const { repository, digest } of held.values()) {
      if (excused.has(`${repository} ${digest}`)) continue
      const lacks = await lacksOf(content.repository(repository), digest, excused)
      if (lacks) violations.push(`${when}, what is held in ${repository} misses ${lacks}`)
    }
  }
}

function inMemory(now: () => number): () => ObjectStore {
  const store = createMemoryStore({ now })
  return () => store
}

function unlessGone(error: unknown): void {
  if (!isFault(error, 'not-found')) throw error
}
