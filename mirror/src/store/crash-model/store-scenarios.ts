import * as z from 'zod'
import { garbage } from './garbage-scenario.ts'
import type { Repository } from '../content-store.ts'
import type { ObjectStore } from '../object-store.ts'
import type { Digest } from '../../oci/digest.ts'
import { isFault } from '../../oci/fault.ts'
import { blobOf, imageOf, indexOf, pushImage, store } from '../content/stored-content.conformance.ts'
import { createContentStore } from '../create-content-store.ts'
import { createRecords } from '../records.ts'
import { inPieces, pattern } from '../stored-bytes.conformance.ts'
import { descriptorOf, type ImageIndex } from '../../oci/manifest.ts'

/** Some work on a store, and what it promised on its way. It can be done again from wherever it was left. */
export interface Scenario {
  readonly name: string
  run(objects: ObjectStore, note: (text: string) => void): Promise<void>
  /** For each note, the question that must be answered by yes from then on; `notes` are all that were made. */
  readonly promises: Readonly<Record<string, (objects: ObjectStore, notes: readonly string[]) => Promise<boolean>>>
}

const layer = pattern(6000)
const layerBlob = blobOf(layer)

const ingest: Scenario = {
  name: 'a blob that is copied in',
  async run(objects, note) {
    const repository = repositoryIn(objects)
    {
      await using begun = await repository.ingest(layerBlob)
      await begun?.write(inPieces(layer.subarray(begun.offset, 2500), 2000))
    }
    await store(repository, layerBlob, layer)
    note('blob')
  },
  promises: { blob: (objects) => repositoryIn(objects).hasBlob(layerBlob) },
}

const upload: Scenario = {
  name: 'a blob that is pushed in several pieces',
  async run(objects, note) {
    const repository = repositoryIn(objects)
    if (await repository.stat(layerBlob.digest)) return note('pushed')
    await using session = await createContentStore(objects).openUpload('session')
    try {
      for (const end of [2000, 4000, 6000]) {
        await session.append(inPieces(layer.subarray(Math.min(session.size, end), end), 700))
        note(`appended ${end}`)
      }
      await repository.commitUpload(session, layerBlob.digest)
    } catch (error) {
      if (isFault(error, 'corrupt')) await session.discard()
      throw error
    }
    note('pushed')
  },
  promises: {
    ...Object.fromEntries(
      [2000, 4000, 6000].map((size) => [`appended ${size}`, (objects) => isOnItsWay(objects, size)]),
    ),
    pushed: (objects) => repositoryIn(objects).hasBlob(layerBlob),
  },
}

/** Bytes of an upload that were acknowledged are there; what comes behind them may be anything. */
async function isOnItsWay(objects: ObjectStore, size: number): Promise<boolean> {
  if ((await objects.head(`blobs/sha256/${layerBlob.digest.slice(7)}`)) !== undefined) return true
  await using session = await createContentStore(objects).openUpload('session')
  const bytes = Buffer.concat(await Array.fromAsync(session.read()))
  return bytes.subarray(0, size).equals(layer.subarray(0, size))
}

const image: Scenario = {
  name: 'an image with a tag and a signature',
  async run(objects, note) {
    const repository = repositoryIn(objects)
    await pushImage(repository, 'one', ['v1'])
    note('image')
    await repository.putManifest(signature)
    note('signature')
  },
  promises: {
    image: (objects) => hasImage(objects, 'one', 'v1'),
    signature: async (objects) => (await repositoryIn(objects).referrers(imageOf('one').digest)).length === 1,
  },
}

const signature = imageOf('signature', { subject: descriptorOf(imageOf('one')) })

const [indexOne, indexTwo] = [indexOf([layerBlob]), indexOf([layerBlob, layerBlob])]

const tags: Scenario = {
  name: 'a tag that moves and goes',
  async run(objects, note) {
    note('begun')
    const repository = repositoryIn(objects)
    await repository.putManifest(indexOne, { tags: ['latest'] })
    note('one')
    await repository.putManifest(indexTwo)
    await repository.putTag('latest', indexTwo.digest)
    note('two')
    note('going')
    await repository.deleteTag('latest')
    note('gone')
  },
  promises: {
    one: async (objects, notes) =>
      notes.includes('going') || [indexOne.digest, indexTwo.digest].includes(await meaningOf(objects, 'latest')),
    two: async (objects, notes) => notes.includes('going') || (await meaningOf(objects, 'latest')) === indexTwo.digest,
    begun: async () => true,
    going: async () => true,
    gone: async (objects, notes) =>
      notes.at(-1) !== 'gone' || (await repositoryIn(objects).tag('latest')) === undefined,
  },
}

async function meaningOf(objects: ObjectStore, tag: string): Promise<Digest> {
  const manifest = await repositoryIn(objects).manifest(tag)
  if (!manifest) throw new Error(`the tag ${tag} is gone`)
  return manifest.digest
}

const deletion: Scenario = {
  name: 'a manifest that is deleted',
  async run(objects, note) {
    note('begun')
    const repository = repositoryIn(objects)
    await repository.putManifest(indexOne, { tags: ['v1', 'v2'] })
    await repository.deleteManifest(indexOne.digest)
    note('deleted')
  },
  promises: {
    begun: async () => true,
    deleted: async (objects, notes) => {
      if (notes.at(-1) !== 'deleted') return true
      const repository = repositoryIn(objects)
      return !(await repository.hasManifest(indexOne.digest)) && (await repository.tags()).length === 0
    },
  },
}

const together: Scenario = {
  name: 'two images that are pushed at the same time',
  async run(objects, note) {
    const content = createContentStore(objects)
    const push = async (name: string, index: ImageIndex): Promise<void> => {
      await store(content.repository(name), layerBlob, layer)
      await content.repository(name).putManifest(index, { tags: ['v1'] })
      note(name)
    }
    const pushes = await Promise.allSettled([push('team/app', indexOne), push('other', indexTwo)])
    for (const push of pushes) if (push.status === 'rejected') throw push.reason
  },
  promises: Object.fromEntries(
    ['team/app', 'other'].map((name) => [
      name,
      async (objects: ObjectStore) => {
        const repository = createContentStore(objects).repository(name)
        return (await repository.hasBlob(layerBlob)) && (await repository.manifest('v1')) !== undefined
      },
    ]),
  ),
}

const counts = [1, 2, 3]

const record: Scenario = {
  name: 'a record that is updated',
  async run(objects, note) {
    for (const count of counts) {
      await records(objects).update('counter', (old) => ((old ?? 0) < count ? count : undefined))
      note(`count ${count}`)
    }
  },
  promises: Object.fromEntries(
    counts.map((count) => [
      `count ${count}`,
      async (objects: ObjectStore) => ((await records(objects).get('counter')) ?? 0) >= count,
    ]),
  ),
}

export const scenarios: readonly Scenario[] = [ingest, upload, image, tags, deletion, together, record, garbage]

function repositoryIn(objects: ObjectStore): Repository {
  return createContentStore(objects).repository('team/app')
}

async function hasImage(objects: ObjectStore, seed: string, tag: string): Promise<boolean> {
  const repository = repositoryIn(objects)
  const manifest = await repository.manifest(tag)
  const { digest, config, layers } = imageOf(seed)
  const blobs = await Promise.all([config, ...layers].map((blob) => repository.hasBlob(blob)))
  return manifest?.digest === digest && blobs.every((isThere) => isThere)
}

function records(objects: ObjectStore) {
  return createRecords(objects, { prefix: 'records/', schema: z.number() })
}
